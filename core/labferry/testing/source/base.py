"""What an author declares to run the suite, and what its cases have in common."""
# ruff: noqa: S101 - assert is how pytest checks

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import pytest

from labferry.sdk.archive import DownloadCheck
from labferry.sdk.errors import LabferryError
from labferry.sdk.findings import Finding
from labferry.sdk.settings import JsonValue
from labferry.sdk.source import ExportRequest, JobState, JobStatus, Offer, Source

__all__ = ["NOT_OFFERED", "ContractBase", "Missing", "skip_case"]

NOT_OFFERED = "not offered: "
"""The reason of a skipped case begins with it if the source need not offer what it is about."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What the server under test does not have.

    Attributes:
        job: A job's name, as in `JobStatus.job`.
        link: Where that job would be asked for, as in `JobStatus.link`.
        archive: Where an archive would be, as in `Offer.link`.
    """

    job: str
    link: str
    archive: str


def skip_case(reason: str) -> NoReturn:
    """Skip a case about what the source under test need not offer."""
    pytest.skip(f"{NOT_OFFERED}{reason}")


class ContractBase:
    """What an author declares, beside a pytest fixture `server` that gives a server of any kind.

    Attributes:
        source_class: The class under test.
        secrets: The credentials in the settings, in plain text: nothing may show them.
        pause: How long to wait between two questions about a job, in seconds.
        patience: After how many seconds a job is taken to hang.
        declares: How well the server under test lets its archives be checked.
        server: What the fixture `server` made for the test.
    """

    source_class: ClassVar[type[Source[Any]]]
    secrets: ClassVar[tuple[str, ...]] = ()
    pause: ClassVar[float] = 0.01
    patience: ClassVar[float] = 60.0
    declares: ClassVar[DownloadCheck] = DownloadCheck.DECLARED_DIGEST

    server: Any
    _settings: dict[str, JsonValue]

    @pytest.fixture(autouse=True)
    def _prepared(self, server: Any) -> None:  # noqa: ANN401 - the author's own
        self.server = server
        self._settings = self.make_settings(server)

    def make_settings(self, server: Any) -> dict[str, JsonValue]:  # noqa: ANN401 - the author's own
        """The source's table in the configuration, for this server."""
        raise NotImplementedError

    def count_exports(self, server: Any) -> int:  # noqa: ANN401 - the author's own
        """How many exports the server was asked for and began, from the server itself."""
        raise NotImplementedError

    def missing(self, server: Any) -> Missing:  # noqa: ANN401 - the author's own
        """A job and an archive that the server does not have."""
        raise NotImplementedError

    def broken_settings(self, server: Any) -> dict[str, dict[str, JsonValue]]:  # noqa: ANN401 - the author's own
        """Tables with which nothing can be exported, each with words that say why.

        A wrong key, a server that is not there, something to export that does not exist.
        """
        del server
        return {}

    def server_url(self, server: Any) -> str:  # noqa: ANN401 - the author's own
        """The server's address as it stands in the settings: http, without a slash at its end.

        The suite puts a proxy in between, and lets things go wrong. Empty if there is none.
        """
        del server
        return ""

    def change_content(self, server: Any) -> bool:  # noqa: ANN401 - the author's own
        """Change something in what is exported; False if the server under test can't do that."""
        del server
        return False

    def let_exports_fail(self, server: Any) -> bool:  # noqa: ANN401 - the author's own
        """Let every export from now on fail; False if the server under test can't do that."""
        del server
        return False

    @property
    def exports(self) -> int:
        """How many exports the server began."""
        return self.count_exports(self.server)

    @contextmanager
    def source(self, settings: dict[str, JsonValue] | None = None) -> Iterator[Any]:
        """A new source over the same server, closed in the end."""
        table = self._settings if settings is None else settings
        made = self.source_class("scratch", self.source_class.Settings.model_validate(table))
        try:
            yield made
        finally:
            made.close()

    def planned(self, source: Any) -> tuple[ExportRequest, str]:  # noqa: ANN401 - any source
        """The first export of a source's plan, and a lane for it."""
        lanes = source.lanes()
        request: ExportRequest = source.plan(lanes)[0]
        return request, request.lane or lanes[0]

    def submitted(self, source: Any) -> tuple[JobStatus, str]:  # noqa: ANN401 - any source
        """What the source says of an export that it began, and the lane."""
        request, lane = self.planned(source)
        return source.submit(request, lane), lane

    def followed(self, source: Any, status: JobStatus, lane: str) -> Iterator[JobStatus]:  # noqa: ANN401 - any source
        """What the source says of a job until it has ended, what it said first included."""
        until, pause = time.monotonic() + self.patience, threading.Event()
        yield status
        while status.state in {JobState.RUNNING, JobState.BROKEN}:
            assert time.monotonic() < until, f"Job {status.job} is still {status.state}."
            pause.wait(self.pause)
            status = source.poll(status.job, status.link, lane)
            yield status

    def finished(self, source: Any, status: JobStatus, lane: str) -> JobStatus:  # noqa: ANN401 - any source
        """Follow a job until the source says that it completed."""
        *_, last = self.followed(source, status, lane)
        assert last.state is JobState.COMPLETED, f"Job {last.job}: {last.reason}"
        return last

    def offered(self, source: Any) -> tuple[Offer, str, str]:  # noqa: ANN401 - any source
        """What a new export offers, where, and in which lane."""
        status, lane = self.submitted(source)
        offer = self.finished(source, status, lane).offer
        assert offer is not None, "The job completed without an offer."
        assert offer.link, "The job completed without a link."
        return offer, offer.link, lane

    def fetched(self, source: Any, link: str, lane: str) -> bytes:  # noqa: ANN401 - any source
        """An archive, whole."""
        with source.download(link, lane) as download:
            return b"".join(download.chunks)

    def errors(self, doing: Callable[[Any], object]) -> Iterator[tuple[str, LabferryError | None]]:
        """For each of the author's broken settings what doing something with them raises."""
        for reason, settings in self.broken_settings(self.server).items():
            with self.source(settings) as source:
                try:
                    doing(source)
                except LabferryError as error:
                    yield reason, error
                else:
                    yield reason, None

    def checked(self, source: Any) -> list[Finding]:  # noqa: ANN401 - any source
        """What the preflight says."""
        return [*source.check()]
