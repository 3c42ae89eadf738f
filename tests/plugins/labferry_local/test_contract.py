from pathlib import Path

import pytest

from labferry.sdk import JsonValue
from labferry.testing.sink import FolderStorage, SinkContract
from labferry_local import LocalSink


class TestLocalSink(SinkContract):
    sink_class = LocalSink

    @pytest.fixture
    def storage(self, tmp_path: Path) -> FolderStorage:
        return FolderStorage(tmp_path / "storage")

    def make_settings(self, storage: FolderStorage) -> dict[str, JsonValue]:
        return {"type": "local", "path": str(storage.root)}

    def broken_settings(self, storage: FolderStorage) -> dict[str, dict[str, JsonValue]]:
        places = {
            "a folder that does not exist": storage.root / "missing",
            "a file in place of the folder": Path(__file__),
            "a folder that nobody can write to": Path("/proc"),
        }
        return {why: {"type": "local", "path": str(path)} for why, path in places.items()}
