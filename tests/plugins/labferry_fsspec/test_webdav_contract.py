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


@pytest.mark.usefixtures("password")
class TestWebdav(SinkContract):
    sink_class = UrlSink
    interrupted_size = (6 << 20) + 7
    big_size = 128 << 20
    memory_limit = 80 << 20
    kill_points = 10

    @pytest.fixture
    def storage(self, webdav_server: Server, tmp_path: Path) -> Served:
        return Served(webdav_server, tmp_path.name)

    def make_settings(self, storage: Served) -> dict[str, JsonValue]:
        return self._table(storage, {})

    def broken_settings(self, storage: Served) -> dict[str, dict[str, JsonValue]]:
        base = f"http://127.0.0.1:{storage.server.port}"
        return {
            "a wrong password": self._table(storage, {"auth": ["backup", "wrong"]}),
            "a share that can only be read": self._table(
                storage, {"base_url": f"{base}/read-only"}
            ),
            "a port that nobody listens on": self._table(
                storage, {"base_url": "http://127.0.0.1:1"}
            ),
        }

    def _table(self, storage: Served, options: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return {
            "type": "fsspec",
            "url": f"webdav://{storage.name}",
            "options": {
                "base_url": f"http://127.0.0.1:{storage.server.port}",
                "auth": ["backup", {"env": "STORAGE_PASSWORD"}],
                "verify": False,  # plain http: no need to load certificates for each sink
                **options,
            },
        }
