"""What the sources on an RSpace server have in common."""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from typing_extensions import override

from labferry.sdk import Download, LabferryError, RefusedError, Source
from labferry_rspace.address import Address
from labferry_rspace.client import Client
from labferry_rspace.connection import ServerSettings
from labferry_rspace.credentials import Credentials
from labferry_rspace.downloading import download

__all__ = ["ServerSource"]

_SettingsT = TypeVar("_SettingsT", bound=ServerSettings)


class ServerSource(Source[_SettingsT]):
    """An RSpace server and the keys to it. Nothing is asked before a method is called."""

    def __init__(self, name: str, settings: _SettingsT) -> None:
        super().__init__(name, settings)
        self._client = Client(Address.parse(settings.url), settings)
        self._credentials = Credentials(name, settings.keys, self._client)
        self._closed = threading.Event()

    @property
    @override
    def url(self) -> str:
        """The server's address, without the API's path."""
        return self._client.address.base

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
        """One for each user whom a key belongs to; see `problems` for keys that are refused."""
        return [owner.lane for owner in self._credentials.owners()]

    @property
    @override
    def problems(self) -> Sequence[LabferryError]:
        """Keys that are refused: what only they could export is missing from the backup."""
        return [
            RefusedError(f"{refusal.name} is left out. {refusal.reason}")
            for refusal in self._credentials.refusals()
        ]

    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> AbstractContextManager[Download]:
        """Fetch an archive. RSpace itself sends it whole; from S3 it can be resumed."""
        key = self._credentials.owner(lane).key
        return download(self._client, link, key, offset, validator)

    @override
    def close(self) -> None:
        """Close connections and end waiting."""
        self._closed.set()
        self._client.close()
