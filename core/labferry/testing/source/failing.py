"""Cases about a network and a server that fail, and about those who should not get a key."""
# ruff: noqa: S101 - assert is how pytest checks

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from labferry.sdk.errors import AnswerLostError, LabferryError, RefusedError, TransientError
from labferry.sdk.source import ExportRequest, JobState
from labferry.testing.source.base import ContractBase, skip_case
from labferry.testing.source.proxy import RETRY_AFTER, Fault, FaultyProxy, faulty_proxy

__all__ = ["FailingCases"]

_MOST_REQUESTS = 5
_SOON = 20.0


@dataclass(frozen=True, slots=True)
class _Behind:
    """A source behind a proxy, with one export that is completed.

    Attributes:
        has_archives: Whether archives come from this server, and not from an object store.
    """

    source: Any
    proxy: FaultyProxy
    request: ExportRequest
    lane: str
    job: str
    link: str
    archive: str
    has_archives: bool

    def polls(self) -> object:
        return self.source.poll(self.job, self.link, self.lane)

    def submits(self) -> object:
        return self.source.submit(self.request, self.lane)

    def questions(self) -> Sequence[Callable[[], object]]:
        """What the source asks this very server."""
        asks: list[Callable[[], object]] = [self.polls, self.submits]
        return [*asks, self.downloads] if self.has_archives else asks

    def downloads(self, link: str | None = None) -> bytes:
        with self.source.download(link or self.archive, self.lane) as download:
            return b"".join(download.chunks)


class FailingCases(ContractBase):
    """A source says what went wrong, once, and leaves the rest to the core."""

    @contextmanager
    def behind(self) -> Iterator[_Behind]:
        """The source behind a proxy. Skips the case if the source speaks to no one server."""
        address = self.server_url(self.server)
        if not address:
            pytest.skip("Declare server_url: then a network that fails is tried.")
        with faulty_proxy(address, lambda: self.exports) as proxy:
            table = json.loads(json.dumps(self._settings).replace(address, proxy.url))
            with self.source(table) as source:
                request, lane = self.planned(source)
                done = self.finished(source, source.submit(request, lane), lane)
                assert done.offer is not None
                link = done.offer.link or ""
                before = proxy.passed
                archive = self.fetched(source, link, lane)
                assert archive
                here = proxy.passed - before >= len(archive)
                yield _Behind(source, proxy, request, lane, done.job, done.link, link, here)

    @pytest.mark.parametrize("fault", [Fault.CUT, Fault.RESET])
    def test_download_that_broke_off_is_no_archive(self, fault: Fault) -> None:
        """However it broke off, `TransientError` says so: the end of the bytes is not the end."""
        with self.behind() as behind:
            if not behind.has_archives:
                skip_case("the archives come from another server.")
            behind.proxy.fault = fault
            with pytest.raises(TransientError):
                behind.downloads()

    def test_submission_whose_answer_is_lost_is_not_repeated(self) -> None:
        """`AnswerLostError`, and one export: the core finds out what became of it."""
        with self.behind() as behind:
            before = self.exports
            behind.proxy.fault = Fault.LOST
            with pytest.raises(AnswerLostError):
                behind.submits()
            assert self.exports == before + 1

    @pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.RESET])
    def test_server_that_is_down_is_left_to_the_core(self, fault: Fault) -> None:
        """`TransientError` after a few requests: only the core knows how long to go on."""
        with self.behind() as behind:
            behind.proxy.fault = fault
            for ask in behind.questions():
                before, began = behind.proxy.requests, time.monotonic()
                with pytest.raises(TransientError):
                    ask()
                assert behind.proxy.requests - before <= _MOST_REQUESTS
                assert time.monotonic() - began < _SOON

    def test_server_says_how_long_to_wait(self) -> None:
        """429 with `Retry-After`: the core waits, so it has to know."""
        with self.behind() as behind:
            behind.proxy.fault = Fault.PUT_OFF
            with pytest.raises(TransientError) as caught:
                behind.polls()
        assert caught.value.retry_after == RETRY_AFTER

    def test_refused_key_is_refused_for_good_and_shown_to_nobody(self) -> None:
        """401 is no failure that passes, and what the server says may contain the key."""
        with self.behind() as behind:
            behind.proxy.fault = Fault.REFUSED
            for ask in behind.questions():
                self._assert_refused(ask)

    def _assert_refused(self, ask: Callable[[], object]) -> None:
        with pytest.raises(RefusedError) as caught:
            ask()
        text = f"{caught.value!r} {caught.value} {caught.value.hint}"
        assert not [1 for secret in self.secrets if secret in text], "The error shows a secret."

    def test_redirect_takes_no_key_to_another_server(self) -> None:
        """Whatever the source makes of a redirect."""
        with self.behind() as behind:
            behind.proxy.fault = Fault.REDIRECT
            for ask in (*behind.questions(), behind.source.lanes):
                with suppress(LabferryError):
                    ask()
            self._assert_unknown(behind.proxy)

    def test_link_to_another_server_gets_no_key(self) -> None:
        """A job's link and an archive's come from the server, which may be lied to."""
        with self.behind() as behind:
            foreign = f"{behind.proxy.stranger.url}/archive.zip"
            with suppress(LabferryError):
                behind.downloads(foreign)
            with suppress(LabferryError):
                behind.source.poll(behind.job, foreign, behind.lane)
            self._assert_unknown(behind.proxy)

    def _assert_unknown(self, proxy: FaultyProxy) -> None:
        seen = "\n".join(proxy.stranger.seen)
        assert not [1 for secret in self.secrets if secret in seen], "A stranger got a secret."

    def test_job_that_failed_is_reported_as_failed(self) -> None:
        """Else it is waited for until `job_timeout`."""
        with self.source() as source:
            if not self.let_exports_fail(self.server):
                pytest.skip("Declare let_exports_fail: then a job that fails is tried.")
            status, lane = self.submitted(source)
            *_, last = self.followed(source, status, lane)
        assert last.state is JobState.FAILED
