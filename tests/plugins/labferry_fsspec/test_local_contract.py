from pathlib import Path

import pytest
from tests import labfiles  # noqa: F401 - brings a filesystem

from labferry.sdk import JsonValue
from labferry.testing.sink import FolderStorage, SinkContract
from labferry_fsspec import FsspecSettings, UrlSink


class RenamingSink(UrlSink):
    """Over a filesystem that renames a file in one step."""

    def __init__(self, name: str, settings: FsspecSettings) -> None:
        super().__init__(name, settings)
        self.renames = True


class TestFiles(SinkContract):
    sink_class = RenamingSink

    @pytest.fixture
    def storage(self, tmp_path: Path) -> FolderStorage:
        return FolderStorage(tmp_path / "storage")

    def make_settings(self, storage: FolderStorage) -> dict[str, JsonValue]:
        return {"type": "fsspec", "url": f"labfiles://{storage.root}"}

    def broken_settings(self, storage: FolderStorage) -> dict[str, dict[str, JsonValue]]:
        del storage
        places = {
            "a file in place of the folder": __file__,
            "a folder that nobody can write to": "/proc",
        }
        return {why: {"type": "fsspec", "url": f"labfiles://{p}"} for why, p in places.items()}
