"""What speaks to an RSpace server on behalf of a source."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import BinaryIO, Generic, TypeVar

from labferry.sdk import (
    Contents,
    Download,
    ExportRequest,
    Finding,
    JobStatus,
    LabferryError,
    RefusedError,
)
from labferry_rspace.client_pool import borrow, give_back
from labferry_rspace.downloading import download
from labferry_rspace.lanes import Credentials
from labferry_rspace.server_settings import ServerSettings

_SettingsT = TypeVar("_SettingsT", bound=ServerSettings)


class Session(ABC, Generic[_SettingsT]):
    """An RSpace server and the keys to it. Nothing is asked before a method is called.

    The methods are those of `Source`.

    Args:
        name: The source's name.
        settings: Its settings.
    """

    def __init__(self, name: str, settings: _SettingsT) -> None:
        self.name = name
        self.settings = settings
        self.client = borrow(settings)
        self.credentials = Credentials(name, settings.keys, self.client)
        self._has_client = True

    def lanes(self) -> Sequence[str]:
        """One for each user whom a key belongs to; see `problems` for keys that are refused."""
        return [owner.lane for owner in self.credentials.owners()]

    def problems(self) -> Sequence[LabferryError]:
        """Keys that are refused: what only they could export is missing from the backup."""
        return tuple(
            RefusedError(f"{refusal.name} is left out. {refusal.reason}")
            for refusal in self.credentials.refused()
        )

    def vanished(self, known: Sequence[ExportRequest]) -> Sequence[ExportRequest]:
        """Of what was exported before and is not planned now, what the server no longer lists."""
        del known
        return ()

    @abstractmethod
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        """What to export."""

    @abstractmethod
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        """Ask for an export, as `plan` described it."""

    @abstractmethod
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        """Ask for a job."""

    def download(
        self, link: str, lane: str, offset: int, validator: str | None
    ) -> AbstractContextManager[Download]:
        """Fetch an archive. RSpace itself sends it whole; from S3 it can be resumed."""
        key = self.credentials.owner(lane).key
        return download(self.client, link, key, offset, validator)

    @abstractmethod
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        """Look inside an archive."""

    @abstractmethod
    def is_idle(self, request: ExportRequest, since: datetime, lane: str) -> bool:
        """Whether the server can tell that nothing of an export changed."""

    @abstractmethod
    def check(self) -> Iterator[Finding]:
        """Find out whether exports can work."""

    def close(self) -> None:
        """Close connections that nobody else needs."""
        if self._has_client:
            self._has_client = False
            give_back(self.client)
