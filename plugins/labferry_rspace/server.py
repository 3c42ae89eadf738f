"""What the sources on an RSpace server have in common."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from typing_extensions import override

from labferry.sdk import (
    Contents,
    Download,
    ExportRequest,
    Finding,
    JobStatus,
    LabferryError,
    Source,
)
from labferry_rspace.server_settings import ServerSettings

if TYPE_CHECKING:
    from labferry_rspace.session import Session

_SettingsT = TypeVar("_SettingsT", bound=ServerSettings)


class ServerSource(Source[_SettingsT]):
    """A source on an RSpace server.

    What it does, its session does. To import that takes a while, which is spared who only wants
    to know the settings: `labferry status`, for instance.
    """

    def __init__(self, name: str, settings: _SettingsT) -> None:
        super().__init__(name, settings)
        self._session = self._begin()

    @abstractmethod
    def _begin(self) -> "Session[Any]":
        """Import what speaks to the server, and make one."""

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
        return self._session.poll(job, link, lane)

    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> AbstractContextManager[Download]:
        return self._session.download(link, lane, offset, validator)

    @override
    def vanished(self, known: Sequence[ExportRequest]) -> Sequence[ExportRequest]:
        return self._session.vanished(known)

    @override
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        return self._session.examine(archive, request)

    @override
    def is_idle(self, request: ExportRequest, since: datetime, lane: str) -> bool:
        return self._session.is_idle(request, since, lane)

    @override
    def check(self) -> Iterator[Finding]:
        return self._session.check()

    @override
    def close(self) -> None:
        self._session.close()
