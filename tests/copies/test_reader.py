"""Reading a stored copy: what a connection that breaks costs, and what it does not."""

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typing_extensions import override

from labferry.copies.reader import read_copy
from labferry.runtime.retry import RetryPolicy
from labferry.runtime.stop import Stop
from labferry.sdk import StoredArchive, TransientError
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest
from labferry_local import LocalSettings, LocalSink

PIECE = 1 << 20


class Breaking(io.BytesIO):
    """A connection that breaks after each piece."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.pieces = 0

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        self.pieces += 1
        if self.pieces > 1:
            raise TransientError("The connection broke.")
        return super().read(size)


class Remote(LocalSink):
    """A destination to which no connection lasts."""

    def __init__(self, name: str, settings: LocalSettings) -> None:
        super().__init__(name, settings)
        self.opened: list[int] = []

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> io.BytesIO:
        self.opened.append(offset)
        with super().open(stored, offset) as file:
            return Breaking(file.read())


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    with closing(Remote("nas", LocalSettings(type="local", path=tmp_path))) as sink:
        yield sink


def test_failures_count_from_zero_after_each_piece(remote: Remote) -> None:
    archive = SampleArchive(Content(5 * PIECE))
    remote.store(archive, SampleManifest(archive), MemoryCheckpoint())
    (stored,) = remote.list()
    impatient = RetryPolicy(tries=2, first_pause=0.0)
    read_copy(remote, stored, Stop(), policy=impatient)
    assert remote.opened == [number * PIECE for number in range(6)]
