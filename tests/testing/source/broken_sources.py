"""Sources that are wrong, each in one way; the docstrings say what happens to a user."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import BinaryIO, ClassVar

from tests.testing.source.notebook_source import (
    ARCHIVE,
    ETAG,
    KEY,
    NotebookSettings,
    NotebookSource,
)
from typing_extensions import override

from labferry.sdk import Contents, Download, ExportRequest, Finding, JobStatus, Severity

_numbers = count()


class RenamesItsLanes(NotebookSource):
    """After a crash nobody knows whose job it was."""

    @override
    def lanes(self) -> Sequence[str]:
        return [f"alice-{next(_numbers)}@{self.server.url}"]


class PlansAnewEachTime(NotebookSource):
    """No archive ever finds its predecessor."""

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        stamp = next(_numbers)
        return [replace(each, series=f"{each.series} {stamp}") for each in super().plan(lanes)]


class PlansTwice(NotebookSource):
    """Two archives are taken for versions of one."""

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return [replace(each, series="notebook") for each in super().plan(lanes)]


class PlansForStrangers(NotebookSource):
    """The export is asked for in a lane that does not exist."""

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        first, *others = super().plan(lanes)
        return [first, *(replace(each, lane="mallory") for each in others)]


class KeepsWhatJsonCannot(NotebookSource):
    """The next run reads other parameters than were written."""

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return [replace(each, parameters={"ids": (1, 2)}) for each in super().plan(lanes)]  # type: ignore[dict-item] # that is the mistake


class PutsItsKeyIntoRequests(NotebookSource):
    """The key stands in the ledger, and in a manifest beside every archive."""

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return [replace(each, parameters={"key": KEY}) for each in super().plan(lanes)]


class SubmitsTwice(NotebookSource):
    """The server works twice as hard, and the second archive is lost."""

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        super().submit(request, lane)
        return super().submit(request, lane)


class RemembersItsJobs(NotebookSource):
    """After a crash every export is made again."""

    def __init__(self, name: str, settings: NotebookSettings) -> None:
        super().__init__(name, settings)
        self._mine: set[str] = set()

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        status = super().submit(request, lane)
        self._mine.add(status.job)
        return status

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        if job not in self._mine:
            job = "999"
        return super().poll(job, link, lane)


class LetsTheServersErrorsThrough(NotebookSource):
    """A job that is gone ends the run instead of being asked for anew."""

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        if int(job) > len(self.server.jobs):
            raise KeyError(job)
        return super().poll(job, link, lane)


class PretendsToResume(NotebookSource):
    """The beginning of the archive is put behind its beginning."""

    @contextmanager
    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        self.find(link)
        yield Download(offset if validator == ETAG else 0, len(ARCHIVE), ETAG, iter([ARCHIVE]))


class IgnoresTheValidator(NotebookSource):
    """Halves of two archives are put together."""

    @contextmanager
    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        self.find(link)
        yield Download(offset, len(ARCHIVE), ETAG, iter([ARCHIVE[offset:]]))


class FindsWhatIsGone(NotebookSource):
    """An empty answer is taken for the archive."""

    @override
    def find(self, link: str) -> None:
        return


class ExaminesWithItsMouthFull(NotebookSource):
    """A damaged archive ends the run."""

    @override
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        return Contents(archive.read(1)[0], None)


class IsAlwaysIdle(NotebookSource):
    """Nothing is ever exported."""

    @override
    def is_idle(self, request: ExportRequest, since: datetime, lane: str) -> bool:
        return True


class ExportsToCheck(NotebookSource):
    """Every `labferry check` keeps the server busy."""

    @override
    def check(self) -> Iterator[Finding]:
        self.server.begin("a try")
        yield from super().check()


class ChecksNothing(NotebookSource):
    """`labferry check` says that all is well, the night's run that nothing is."""

    @override
    def check(self) -> Iterator[Finding]:
        yield Finding(Severity.OK, "All is well.")


class ShowsItsKey(NotebookSource):
    """The key stands in every traceback."""

    def __repr__(self) -> str:
        return f"ShowsItsKey({self.settings.key.reveal()})"


class LogsItsKey(NotebookSource):
    """The key stands in the log."""

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        logging.getLogger(__name__).debug("POST with %s", self.settings.key.reveal())
        return super().submit(request, lane)


class BelongsToItsThread(NotebookSource):
    """It works in every test of its author's, and in no run."""

    _home: ClassVar[int] = threading.get_ident()

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        if threading.get_ident() != self._home:
            raise RuntimeError("Objects created in a thread can only be used in that thread.")
        return super().submit(request, lane)


class ClosesOnlyOnce(NotebookSource):
    """The end of a run is an error."""

    _open = True

    @override
    def close(self) -> None:
        if not self._open:
            raise RuntimeError("It is closed.")
        self._open = False
