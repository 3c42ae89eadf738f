"""The source: one eLabFTW server, and the keys of the users whose work to export."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

from typing_extensions import override

from labferry.sdk import (
    Contents,
    Download,
    ExportRequest,
    Finding,
    JobStatus,
    JsonValue,
    LabferryError,
    Source,
)
from labferry_elabftw.settings import ElabftwSettings

if TYPE_CHECKING:
    from labferry_elabftw.session import Session


class ElabftwSource(Source[ElabftwSettings]):
    """Exports of an eLabFTW electronic lab notebook.

    What it does, its session does. To import that takes a while, which is spared who only wants
    to know the settings: `labferry status`, for instance.
    """

    type = "elabftw"
    Settings = ElabftwSettings

    def __init__(self, name: str, settings: ElabftwSettings) -> None:
        super().__init__(name, settings)
        self._session = self._begin()

    def _begin(self) -> "Session":
        from labferry_elabftw.session import Session  # noqa: PLC0415 - see the class

        return Session(self.name, self.settings)

    @property
    @override
    def url(self) -> str:
        """The server's address, without the API's path."""
        return self.settings.url

    @property
    @override
    def poll_interval(self) -> float:
        """As the settings say."""
        return self.settings.poll_interval.total_seconds()

    @property
    @override
    def job_timeout(self) -> float:
        """As the settings say."""
        return self.settings.job_timeout.total_seconds()

    @override
    def lanes(self) -> Sequence[str]:
        return self._session.lanes()

    @property
    @override
    def problems(self) -> Sequence[LabferryError]:
        return self._session.problems()

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return self._session.plan(lanes)

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        return self._session.submit(request, lane)

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        return self._session.poll(job, lane)

    @override
    def note_jobs(self, request: ExportRequest, lane: str) -> JsonValue:
        return self._session.note_jobs(lane)

    @override
    def find_job(
        self, request: ExportRequest, since: datetime, lane: str, noted: JsonValue
    ) -> JobStatus | None:
        return self._session.find_job(request, lane, noted)

    @override
    def release_job(self, job: str, link: str, lane: str) -> None:
        self._session.release_job(job, lane)

    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> AbstractContextManager[Download]:
        return self._session.download(link, lane)

    @override
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        return self._session.examine(archive, request)

    @override
    def check(self) -> Iterator[Finding]:
        return self._session.check()

    @override
    def close(self) -> None:
        self._session.close()
