from collections.abc import Iterator

import pytest
from tests.labfiles import LabRam

from labferry.sdk import JsonValue
from labferry.testing.sink import RawStorage, SinkContract
from labferry_fsspec import UrlSink


class MemoryStorage(RawStorage):
    root = "/lab/storage/"

    def names(self) -> dict[str, int]:
        store = dict(LabRam.store)
        return {name.removeprefix(self.root): len(file.getvalue()) for name, file in store.items()}

    def read(self, name: str) -> bytes:
        data: bytes = LabRam.store[self.root + name].getvalue()
        return data

    def write(self, name: str, data: bytes) -> None:
        LabRam(skip_instance_cache=True).pipe_file(self.root + name, data)

    def remove(self, name: str) -> None:
        del LabRam.store[self.root + name]


class TestMemory(SinkContract):
    """A filesystem without a rename: archives are copied to their final names."""

    sink_class = UrlSink
    in_process = True
    big_size = 40 << 20

    @pytest.fixture
    def storage(self) -> Iterator[MemoryStorage]:
        LabRam.store.clear()
        yield MemoryStorage()
        LabRam.store.clear()
        LabRam.pseudo_dirs[:] = [""]

    def make_settings(self, storage: MemoryStorage) -> dict[str, JsonValue]:
        del storage
        return {"type": "fsspec", "url": "labram://lab/", "prefix": "storage/"}
