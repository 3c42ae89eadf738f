"""The promises that every destination makes, tried out on a real WebDAV server."""

from typing import Any

import pytest
from labferry_webdav import WebdavSink

from labferry.sdk import JsonValue
from labferry.testing.sink import FolderStorage, SinkContract


class Storage(FolderStorage):
    """What the share holds, seen without WebDAV."""

    def __init__(self, share: Any) -> None:
        super().__init__(share.folder / "labferry")
        self.url = share.url


class TestWebdavSink(SinkContract):
    """The suite."""

    sink_class = WebdavSink
    interrupted_size = 2_000_003
    big_size = 48 << 20
    memory_limit = 64 << 20
    kill_points = 3

    @pytest.fixture
    def storage(self, webdav_share: Any) -> Storage:
        """An empty share."""
        return Storage(webdav_share)

    def make_settings(self, storage: Storage) -> dict[str, JsonValue]:
        """The destination's table in the configuration."""
        return {
            "type": "webdav",
            "url": storage.url,
            "user": "backup",
            "password": "s3cr3t-pa55w0rd",
        }

    def broken_settings(self, storage: Storage) -> dict[str, dict[str, JsonValue]]:
        """Tables with which nothing can be stored."""
        table = self.make_settings(storage)
        return {
            "a wrong password": {**table, "password": "wrong"},
            "a server that is not there": {**table, "url": "http://127.0.0.1:1/"},
        }
