"""Reading back what a disk has, while the rest is still being written."""

import errno
import fcntl
import hashlib
import io
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from labferry.sdk import TransientError
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest
from labferry_local import LocalSettings, LocalSink
from labferry_local.readback import ReadBack

PIECE = 1 << 20
_SIZES = pytest.mark.parametrize("size", [0, 1, 4096, PIECE, PIECE + 1, 3 * PIECE + 4103])


Before = Callable[[int, int], object]


@pytest.fixture
def before_reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[Before], None]:
    """Have something done before each read, which is told the descriptor and the offset."""
    read = os.preadv

    def do(before: Before) -> None:
        def preadv(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
            before(descriptor, offset)
            return read(descriptor, buffers, offset)

        monkeypatch.setattr(os, "preadv", preadv)

    return do


@pytest.fixture
def offsets(before_reading: Callable[[Before], None]) -> list[int]:
    """Where in a file was read so far."""
    noted: list[int] = []
    before_reading(lambda _, offset: noted.append(offset))
    return noted


def is_direct(descriptor: int) -> bool:
    return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT)


def reading_back(file: BinaryIO) -> ReadBack:
    return ReadBack(file, io.FileIO(file.name))


def assert_read_back(file: BinaryIO, size: int) -> None:
    content = os.urandom(size)
    file.write(content)
    with reading_back(file) as back:
        assert back.sha256() == hashlib.sha256(content).hexdigest()


@_SIZES
def test_what_the_disk_has_is_read_past_the_cache(
    tmp_path: Path, before_reading: Callable[[Before], None], size: int
) -> None:
    direct = []
    before_reading(lambda descriptor, _: direct.append(is_direct(descriptor)))
    with (tmp_path / "file").open("wb+") as file:
        assert_read_back(file, size)
        assert direct[0]
        assert not is_direct(file.fileno())


@_SIZES
def test_where_the_cache_cannot_be_passed_by_it_is_read_all_the_same(
    tmp_path: Path, before_reading: Callable[[Before], None], size: int
) -> None:
    def refuse(descriptor: int, _: int) -> None:
        if is_direct(descriptor):
            raise OSError(errno.EINVAL, "no direct reads here")

    before_reading(refuse)
    with (tmp_path / "file").open("wb+") as file:
        assert_read_back(file, size)


@_SIZES
def test_a_share_that_holds_the_lock_against_others_is_read_by_whoever_has_it(
    tmp_path: Path, before_reading: Callable[[Before], None], size: int
) -> None:
    with (tmp_path / "file").open("wb+") as file:

        def refuse(descriptor: int, _: int) -> None:
            if descriptor != file.fileno():
                raise OSError(errno.EACCES, "the range is locked")

        before_reading(refuse)
        assert_read_back(file, size)


def test_a_disk_that_cannot_be_read_is_not_read_another_way(
    tmp_path: Path, before_reading: Callable[[Before], None]
) -> None:
    def fail(*_: int) -> None:
        raise OSError(errno.EIO, "bad sector")

    before_reading(fail)
    with (tmp_path / "file").open("wb+") as file, pytest.raises(OSError, match="bad sector"):
        assert_read_back(file, 1)


def wait_for(offsets: list[int], count: int) -> None:
    deadline = time.monotonic() + 30
    while len(offsets) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_it_follows_whoever_writes_and_no_further(tmp_path: Path, offsets: list[int]) -> None:
    content = os.urandom(4 * PIECE)
    with (tmp_path / "file").open("wb+", buffering=0) as file, reading_back(file) as back:
        for end in (PIECE // 2, 3 * PIECE // 2, 3 * PIECE):
            file.write(content[file.tell() : end])
            back.follow(end)
            wait_for(offsets, end // PIECE)
            time.sleep(0.05)
            assert offsets == [PIECE * number for number in range(end // PIECE)]
        file.write(content[3 * PIECE :])
        assert back.sha256() == hashlib.sha256(content).hexdigest()
    assert offsets == [PIECE * number for number in range(5)]


def test_a_large_archive_is_read_back_while_it_arrives(tmp_path: Path, offsets: list[int]) -> None:
    archive = SampleArchive(Content(80 << 20), arrived=75 << 20)
    sink = LocalSink("nas", LocalSettings(type="local", path=tmp_path))
    store = threading.Thread(
        target=sink.store, args=(archive, SampleManifest(archive), MemoryCheckpoint())
    )
    store.start()
    wait_for(offsets, 32)
    assert store.is_alive()
    archive.verify()
    store.join()
    assert (tmp_path / archive.key).stat().st_size == archive.size


def test_nothing_goes_on_reading_once_it_is_given_up(tmp_path: Path) -> None:
    archive = SampleArchive(Content(1000), arrived=10, error=TransientError("It began anew."))
    sink = LocalSink("nas", LocalSettings(type="local", path=tmp_path))
    with pytest.raises(TransientError, match="began anew"):
        sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert not [each for each in threading.enumerate() if each.name.startswith("read-back")]
