"""What arrives is compared, counted and hashed; what does not fit is refused."""

import errno
import hashlib
import os
import zlib
from collections.abc import Callable

import pytest

from labferry.sdk import Digests, FullError, IntegrityError, StateError
from labferry.spool import Hasher, HasherOptions, SpoolArchive

Make = Callable[..., SpoolArchive]

TEXT = b"Not all those who wander are lost"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("content", [b"", b"x", TEXT, bytes(3_000_000)], ids=len)
def test_verified_archive_has_all_digests(content: bytes, make: Make) -> None:
    archive = make(content, md5=True)
    for offset in range(0, len(content), 1_000_000):
        assert archive.write(offset, content[offset : offset + 1_000_000])
    expected = Digests(hashlib.sha256(content).hexdigest(), zlib.crc32(content), md5(content))
    assert archive.verify() == archive.digests() == expected
    assert archive.path.read_bytes() == content


def test_md5_is_computed_only_when_asked_for(make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT)
    assert archive.verify().md5 is None


def test_hasher_takes_chunks_as_one_stream() -> None:
    hasher = Hasher(HasherOptions(md5=True))
    for chunk in (b"", TEXT[:5], memoryview(TEXT)[5:]):
        hasher.update(chunk)
    expected = Digests(hashlib.sha256(TEXT).hexdigest(), zlib.crc32(TEXT), md5(TEXT))
    assert (hasher.size, hasher.digests()) == (len(TEXT), expected)


@pytest.mark.parametrize(("offset", "end"), [(0, 5), (0, 10), (5, 10), (0, 20), (5, 20), (10, 20)])
def test_bytes_that_come_again_are_compared_and_the_rest_is_taken(
    offset: int, end: int, make: Make
) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:10])
    assert archive.write(offset, TEXT[offset:end])
    assert archive.received == max(10, end)
    assert archive.write(archive.received, TEXT[archive.received :])
    archive.verify()


@pytest.mark.parametrize(("offset", "chunk"), [(0, b"Mot"), (7, b"ose"), (9, b"X" * 20)])
def test_bytes_that_come_again_and_differ_are_not_taken(
    offset: int, chunk: bytes, make: Make
) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:10])
    assert not archive.write(offset, chunk)
    assert (archive.received, archive.path.read_bytes()) == (10, TEXT[:10])


@pytest.mark.parametrize("offset", [0, 3, len(TEXT)])
def test_more_bytes_than_declared_are_refused(offset: int, make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:offset])
    with pytest.raises(IntegrityError, match="more than the 33 bytes that it declared"):
        archive.write(offset, TEXT[offset:] + b"!")
    assert archive.received == offset


def test_gap_is_refused(make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:10])
    with pytest.raises(IntegrityError, match="begins at byte 12, but only 10 bytes came before"):
        archive.write(12, TEXT[12:])
    assert archive.received == 10


def test_empty_chunk_changes_nothing(make: Make) -> None:
    archive = make(TEXT)
    assert archive.write(0, b"")
    assert archive.received == 0


@pytest.mark.parametrize("here", [0, 1, len(TEXT) - 1])
def test_archive_that_is_too_short_is_not_verified(here: int, make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, TEXT[:here])
    with pytest.raises(IntegrityError, match=f"Only {here} of the declared 33 bytes came"):
        archive.verify()


@pytest.mark.parametrize("bit", [0, 7, 100, 8 * len(TEXT) - 1])
def test_archive_with_one_flipped_bit_is_not_verified(bit: int, make: Make) -> None:
    flipped = bytearray(TEXT)
    flipped[bit // 8] ^= 1 << bit % 8
    archive = make(TEXT)
    archive.write(0, bytes(flipped))
    expected = f"CRC-32 {zlib.crc32(flipped):08x}, but the server declared {zlib.crc32(TEXT):08x}"
    with pytest.raises(IntegrityError, match=expected):
        archive.verify()


def test_empty_archive_with_a_checksum_is_not_verified(make: Make) -> None:
    with pytest.raises(IntegrityError, match="CRC-32 00000000"):
        make(b"", crc32=1).verify()


def test_refused_archive_can_come_again(make: Make) -> None:
    archive = make(TEXT)
    archive.write(0, b"?" * len(TEXT))
    with pytest.raises(IntegrityError):
        archive.verify()
    archive.restart()
    assert archive.received == 0
    archive.write(0, TEXT)
    assert archive.verify().sha256 == hashlib.sha256(TEXT).hexdigest()


def test_disk_that_fills_in_the_middle_of_a_chunk_is_no_loss(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.pwrite

    def short(file: int, chunk: memoryview, offset: int) -> int:
        if offset >= 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(file, chunk[:5], offset)

    archive = make(TEXT)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", short)
        with pytest.raises(
            FullError, match=r"23\.spool can't be written: its disk is full\. .*spool_dir"
        ):
            archive.write(0, TEXT)
    assert archive.received == 0
    assert archive.write(0, TEXT)
    archive.verify()
    assert archive.path.read_bytes() == TEXT


@pytest.mark.parametrize("call", ["pread", "preadv", "pwrite"])
def test_broken_disk_is_named(call: str, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def write_and_verify() -> None:
        archive.write(0, TEXT)
        archive.verify()

    archive = make(TEXT)
    archive.write(0, TEXT[:10])
    monkeypatch.setattr(os, call, broken)
    with pytest.raises(StateError, match=r"23\.spool can't be used: Input/output error"):
        write_and_verify()


def test_archive_says_what_was_declared(make: Make) -> None:
    archive = make(TEXT)
    told = (archive.id, archive.source, archive.key, archive.size, archive.crc32)
    identity = "20260102T030405Z-chem-23"
    assert told == (identity, "chem", f"chem/2026/{identity}.zip", 33, zlib.crc32(TEXT))


def test_every_file_is_closed(make: Make) -> None:
    def open_files() -> int:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 - descriptors, not paths

    before = open_files()
    archive = make(TEXT)
    archive.write(0, TEXT)
    archive.verify()
    for offset in range(5):
        with archive.open(offset) as reader:
            reader.read()
    dropped = archive.open()
    del dropped
    archive.close()
    archive.close()
    assert open_files() == before


def test_file_is_for_its_owner_alone(make: Make) -> None:
    assert make(TEXT).path.stat().st_mode & 0o777 == 0o600
