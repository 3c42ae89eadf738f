from pathlib import Path

import pytest

from labferry.sdk import JsonValue
from labferry.testing.sink import FolderStorage, SinkContract
from labferry_fsspec import UrlSink


class TestLocalFiles(SinkContract):
    sink_class = UrlSink

    @pytest.fixture
    def storage(self, tmp_path: Path) -> FolderStorage:
        return FolderStorage(tmp_path / "storage")

    def make_settings(self, storage: FolderStorage) -> dict[str, JsonValue]:
        return {"type": "fsspec", "url": storage.root.as_uri()}

    def broken_settings(self, storage: FolderStorage) -> dict[str, dict[str, JsonValue]]:
        del storage
        places = {
            "a file in place of the folder": Path(__file__),
            "a folder that nobody can write to": Path("/proc"),
        }
        return {why: {"type": "fsspec", "url": path.as_uri()} for why, path in places.items()}
