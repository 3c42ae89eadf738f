"""The contract over the sinks of this folder, good and broken; run by the test beside it."""

import inspect
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.testing.sink import broken_others, broken_stores
from tests.testing.sink.folder_sink import FolderSink

from labferry.sdk import JsonValue, Sink
from labferry.testing.sink import FolderStorage, SinkContract

_MIB = 1 << 20


class FolderContract(SinkContract):
    __test__ = False
    interrupted_size = 300_007
    big_size = 24 * _MIB
    memory_limit = 8 * _MIB

    @pytest.fixture
    def storage(self, tmp_path: Path) -> FolderStorage:
        return FolderStorage(tmp_path / "storage")

    def make_settings(self, storage: FolderStorage) -> dict[str, JsonValue]:
        return {"type": "folder", "path": str(storage.root), "token": "s3cr3t-t0k3n"}

    def broken_settings(self, storage: FolderStorage) -> dict[str, dict[str, JsonValue]]:
        del storage
        places = {"a file in place of a folder": __file__, "an unwritable folder": "/proc"}
        return {why: {"type": "folder", "path": path} for why, path in places.items()}


def _suite(sink_class: type[Sink[Any]]) -> type[FolderContract]:
    body = {"sink_class": sink_class, "__test__": True, "__module__": __name__}
    return type(f"Test{sink_class.__name__}", (FolderContract,), body)


for _module in (broken_others, broken_stores):
    for _name, _class in inspect.getmembers(_module, inspect.isclass):
        if issubclass(_class, FolderSink):
            setattr(sys.modules[__name__], f"Test{_name}", _suite(_class))
