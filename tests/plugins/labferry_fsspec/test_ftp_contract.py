import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from labferry.sdk import JsonValue
from labferry.testing.sink import FolderStorage, SinkContract
from labferry_fsspec import UrlSink


class Server(Protocol):
    folder: Path
    port: int


@dataclass
class Served(FolderStorage):
    """A folder of its own for each test in what the server serves."""

    server: Server
    name: str

    def __post_init__(self) -> None:
        super().__init__(self.server.folder / self.name)


@pytest.fixture
def _dropped_connections() -> Iterator[None]:
    """What the driver drops of a connection that fails is closed here, and not in a later test."""
    yield
    gc.collect()


@pytest.mark.slow  # WebDAV goes through the contract quickly
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.usefixtures("password", "_dropped_connections")
class TestFtp(SinkContract):
    sink_class = UrlSink
    interrupted_size = (6 << 20) + 7
    big_size = 64 << 20
    memory_limit = 56 << 20
    kill_points = 10

    @pytest.fixture
    def storage(self, ftp_server: Server, tmp_path: Path) -> Served:
        return Served(ftp_server, tmp_path.name)

    def make_settings(self, storage: Served) -> dict[str, JsonValue]:
        return self._table(storage, {})

    def broken_settings(self, storage: Served) -> dict[str, dict[str, JsonValue]]:
        return {
            "a wrong password": self._table(storage, {"password": "wrong"}),
            "a user who may only read": self._table(storage, {"username": "reader"}),
            "a port that nobody listens on": self._table(storage, {"port": 1}),
        }

    def _table(self, storage: Served, options: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return {
            "type": "fsspec",
            "url": f"ftp://127.0.0.1/{storage.name}",
            "options": {
                "port": storage.server.port,
                "username": "backup",
                "password": {"env": "STORAGE_PASSWORD"},
                **options,
            },
        }
