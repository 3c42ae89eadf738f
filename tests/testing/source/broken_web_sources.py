"""Sources that are wrong in how they speak to their server; the docstrings say what happens."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, BinaryIO

from tests.testing.source.web_notebook import WebNotebook, careless
from typing_extensions import override

from labferry.sdk import (
    Contents,
    Download,
    ExportRequest,
    JobState,
    JobStatus,
    JsonValue,
    NotFoundError,
    RefusedError,
    TransientError,
)
from labferry.sdk.http import Answer


class SeesNoChange(WebNotebook):
    """With `skip_unchanged` nothing is ever stored again."""

    @override
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        return replace(super().examine(archive, request), fingerprint="the same")


class SeesChangesOnly(WebNotebook):
    """With `skip_unchanged` everything is stored again every night."""

    @override
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        first = archive.readline().decode()
        archive.seek(0)
        return replace(super().examine(archive, request), fingerprint=first)


class RepeatsItsPost(WebNotebook):
    """After a lost answer two exports run, and one is never fetched."""

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        try:
            return super().submit(request, lane)
        except TransientError:
            return super().submit(request, lane)


class TakesALostAnswerForNothing(WebNotebook):
    """The core believes that no export began, and asks for another."""

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        return self.running(self.ask("POST", "/jobs")["id"])


class ShowsWhatTheServerSaid(WebNotebook):
    """The key stands in the message that every administrator gets by mail."""

    @override
    def error(self, answer: Answer) -> Exception:
        if answer.status == 401:
            return RefusedError(f"The server refused: {answer.body.decode()}")
        return super().error(answer)


class TakesRefusalsForTransient(WebNotebook):
    """A key that was withdrawn is tried for hours, and perhaps locks the account."""

    @override
    def error(self, answer: Answer) -> Exception:
        return TransientError("HTTP 401") if answer.status == 401 else super().error(answer)


class WaitsForFailedJobs(WebNotebook):
    """A job that failed is waited for until `job_timeout`."""

    @override
    def status(self, found: dict[str, Any], link: str) -> JobStatus:
        status = super().status(found, link)
        is_failed = status.state is JobState.FAILED
        return replace(status, state=JobState.RUNNING) if is_failed else status


class FollowsRedirectsWithItsKey(WebNotebook):
    """Whoever can redirect the server's clients gets all keys."""

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        key = self.settings.key.reveal()
        with suppress(OSError):
            status, headers, _ = careless("GET", f"{self.url}/jobs/{job}", key)
            if status == 307:
                careless("GET", headers["Location"], key)
        return super().poll(job, link, lane)


class SendsItsKeyToLinks(WebNotebook):
    """Whoever can change a link in an answer gets the key."""

    @contextmanager
    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        if link.startswith("http"):
            careless("GET", link, self.settings.key.reveal())
        with super().download(link, lane, offset=offset, validator=validator) as download:
            yield download


class SwallowsTruncation(WebNotebook):
    """Half an archive is stored, if the server declares no digest."""

    @contextmanager
    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        with super().download(link, lane, offset=offset, validator=validator) as download:
            yield replace(download, total=None, chunks=self._some(download.chunks))

    def _some(self, chunks: Iterator[bytes | bytearray]) -> Iterator[bytes | bytearray]:
        with suppress(TransientError):
            yield from chunks


class TriesAgainByItself(WebNotebook):
    """A server that is down is asked again and again, and `max_wait` means nothing."""

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        for _ in range(9):
            with suppress(TransientError):
                return super().poll(job, link, lane)
        return super().poll(job, link, lane)


class ForgetsHowLongToWait(WebNotebook):
    """A server that asks for an hour is asked every minute."""

    @override
    def error(self, answer: Answer) -> Exception:
        return TransientError("HTTP 429") if answer.status == 429 else super().error(answer)


class KeepsDeclarationsToItself(WebNotebook):
    """Nothing is ever called verified."""

    @override
    def status(self, found: dict[str, Any], link: str) -> JobStatus:
        status = super().status(found, link)
        offer = status.offer and replace(status.offer, size=None, sha256=None)
        return replace(status, offer=offer)


class FindsTheWrongJob(WebNotebook):
    """After a lost answer the archive of last week is stored as today's."""

    @override
    def find_job(
        self, request: ExportRequest, since: datetime, lane: str, noted: JsonValue
    ) -> JobStatus | None:
        jobs = self.ask("GET", "/jobs")["jobs"]
        return self.running(jobs[-1]) if jobs else None


class ReleasesEverything(WebNotebook):
    """What somebody else exported is gone."""

    @override
    def release_job(self, job: str, link: str, lane: str) -> None:
        for each in self.ask("GET", "/jobs")["jobs"]:
            with suppress(NotFoundError):
                super().release_job(each, link, lane)
