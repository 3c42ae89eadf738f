"""Reading back what a disk has, while the rest is still being written."""

import errno
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from labferry.sdk import TransientError
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest
from labferry_local import LocalSettings, LocalSink
from labferry_local.readback import ReadBack

PIECE = 1 << 20
_SIZES = pytest.mark.parametrize("size", [0, 1, 4096, PIECE, PIECE + 1, 3 * PIECE + 4103])


@_SIZES
def test_what_the_disk_has_is_read_past_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    direct, read = [], os.preadv

    def note(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        direct.append(bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT))
        return read(descriptor, buffers, offset)

    content = os.urandom(size)
    with (tmp_path / "file").open("wb+") as file:
        file.write(content)
        monkeypatch.setattr(os, "preadv", note)
        with ReadBack(file) as back:
            assert back.sha256() == hashlib.sha256(content).hexdigest()
        assert direct[0]
        assert not fcntl.fcntl(file, fcntl.F_GETFL) & os.O_DIRECT


@_SIZES
def test_where_the_cache_cannot_be_passed_by_it_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    read = os.preadv

    def refuse(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(errno.EINVAL, "no direct reads here")
        return read(descriptor, buffers, offset)

    content = os.urandom(size)
    with (tmp_path / "file").open("wb+") as file:
        file.write(content)
        monkeypatch.setattr(os, "preadv", refuse)
        with ReadBack(file) as back:
            assert back.sha256() == hashlib.sha256(content).hexdigest()


@_SIZES
def test_a_share_that_holds_the_lock_against_others_is_read_by_whoever_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    read = os.preadv
    content = os.urandom(size)
    with (tmp_path / "file").open("wb+") as file:
        file.write(content)

        def refuse(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
            if descriptor != file.fileno():
                raise OSError(errno.EACCES, "the range is locked")
            return read(descriptor, buffers, offset)

        monkeypatch.setattr(os, "preadv", refuse)
        with ReadBack(file) as back:
            assert back.sha256() == hashlib.sha256(content).hexdigest()


def test_a_disk_that_cannot_be_read_is_not_read_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "bad sector")

    with (tmp_path / "file").open("wb+") as file:
        file.write(b"x")
        monkeypatch.setattr(os, "preadv", fail)
        with ReadBack(file) as back, pytest.raises(OSError, match="bad sector"):
            back.sha256()


@pytest.fixture
def offsets(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where in a file was read so far."""
    noted, read = [], os.preadv

    def note(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        noted.append(offset)
        return read(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", note)
    return noted


def wait_for(offsets: list[int], count: int) -> None:
    deadline = time.monotonic() + 30
    while len(offsets) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_it_follows_whoever_writes_and_no_further(tmp_path: Path, offsets: list[int]) -> None:
    content = os.urandom(4 * PIECE)
    with (tmp_path / "file").open("wb+", buffering=0) as file, ReadBack(file) as back:
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
