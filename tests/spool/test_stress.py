"""Any chunks, any readers, any number of restarts: whole and verified, or an error."""

import hashlib
import os
import tempfile
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labferry.sdk import IntegrityError, LabferryError, TransientError
from labferry.spool import Declared, SpoolArchive

SIZES = st.lists(st.integers(1, 700), min_size=1, max_size=8)


@contextmanager
def spooled(size: int, crc32: int) -> Iterator[SpoolArchive]:
    with tempfile.TemporaryDirectory() as folder:
        declared = Declared("1", "a", "a/1.zip", size, crc32)
        archive = SpoolArchive(Path(folder) / "1.spool", declared)
        try:
            yield archive
        finally:
            archive.close()


def pieces(content: bytes, sizes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    offset, turn = 0, 0
    while offset < len(content):
        size = sizes[turn % len(sizes)]
        yield offset, content[offset : offset + size]
        offset, turn = offset + size, turn + 1


def follow(archive: SpoolArchive, offset: int, sizes: Sequence[int]) -> bytes | LabferryError:
    """What a sink would hold in the end; an error where it may not finish."""
    taken = bytearray()
    try:
        with archive.open(offset) as reader:
            turn = 0
            while chunk := reader.read(sizes[turn % len(sizes)]):
                taken += chunk
                turn += 1
    except LabferryError as error:
        assert len(taken) < archive.size or not archive.size
        return error
    return bytes(taken)


@settings(max_examples=60, deadline=None)
@given(
    content=st.binary(max_size=4000),
    chunks=SIZES,
    readers=st.lists(st.tuples(st.integers(0, 4000), SIZES), min_size=1, max_size=4),
)
def test_every_reader_gets_every_byte(
    content: bytes, chunks: list[int], readers: list[tuple[int, list[int]]]
) -> None:
    with spooled(len(content), zlib.crc32(content)) as archive, ThreadPoolExecutor(4) as pool:
        offsets = [min(offset, len(content)) for offset, _ in readers]
        futures = [
            pool.submit(follow, archive, offset, sizes)
            for offset, (_, sizes) in zip(offsets, readers, strict=True)
        ]
        for offset, piece in pieces(content, chunks):
            archive.write(offset, piece)
        archive.verify()
        assert [future.result() for future in futures] == [content[each:] for each in offsets]


@settings(max_examples=60, deadline=None)
@given(
    content=st.binary(min_size=1, max_size=4000),
    flipped=st.integers(0),
    chunks=SIZES,
    readers=st.lists(SIZES, min_size=1, max_size=4),
)
def test_no_reader_finishes_a_corrupted_archive(
    content: bytes, flipped: int, chunks: list[int], readers: list[list[int]]
) -> None:
    wrong = bytearray(content)
    wrong[flipped // 8 % len(wrong)] ^= 1 << flipped % 8
    with spooled(len(content), zlib.crc32(content)) as archive, ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(follow, archive, 0, sizes) for sizes in readers]
        for offset, piece in pieces(bytes(wrong), chunks):
            archive.write(offset, piece)
        with pytest.raises(IntegrityError) as caught:
            archive.verify()
        archive.refuse(caught.value)
        assert all(future.result() is caught.value for future in futures)


@settings(max_examples=60, deadline=None)
@given(
    content=st.binary(min_size=2, max_size=4000),
    cuts=st.lists(st.integers(1, 4000), min_size=1, max_size=4),
    chunks=SIZES,
    readers=st.lists(SIZES, min_size=1, max_size=4),
)
def test_restarts_never_mix_two_downloads(
    content: bytes, cuts: list[int], chunks: list[int], readers: list[list[int]]
) -> None:
    wrong = bytes(255 - byte for byte in content)
    with spooled(len(content), zlib.crc32(content)) as archive, ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(follow, archive, 0, sizes) for sizes in readers]
        for cut in cuts:
            for offset, piece in pieces(wrong[:cut], chunks):
                archive.write(offset, piece)
            archive.restart()
        for offset, piece in pieces(content, chunks):
            archive.write(offset, piece)
        archive.verify()
        for future in futures:
            result = future.result()
            assert result == content or isinstance(result, TransientError)


def test_memory_does_not_grow_with_the_archive() -> None:
    chunk, count = bytes(1 << 20), 24
    crc32 = 0
    for _ in range(count):
        crc32 = zlib.crc32(chunk, crc32)
    with spooled(count << 20, crc32) as archive, ThreadPoolExecutor(2) as pool:
        tracemalloc.start()
        try:
            readers = [pool.submit(_drain, archive) for _ in range(2)]
            for number in range(count):
                archive.write(number << 20, chunk)
            archive.verify()
            archive.resume()
            assert [reader.result() for reader in readers] == [count << 20] * 2
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 4 << 20


def _drain(archive: SpoolArchive) -> int:
    buffer, total = memoryview(bytearray(1 << 18)), 0
    with archive.open() as reader:
        while count := reader.readinto(buffer):
            total += count
    return total


def test_verifying_waits_for_the_last_byte_to_be_hashed() -> None:
    """The hashing thread is behind by as much as it likes; the verdict is about all of it."""
    content = os.urandom(2_500_000)
    with spooled(len(content), zlib.crc32(content)) as archive:
        for _ in range(30):
            archive.restart()
            for offset in range(0, len(content), 300_000):
                assert archive.write(offset, content[offset : offset + 300_000])
            assert archive.check().sha256 == hashlib.sha256(content).hexdigest()
