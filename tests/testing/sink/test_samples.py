import hashlib
import threading
import zlib
from pathlib import Path

import pytest

from labferry.sdk import IntegrityError, TransientError
from labferry.testing.samples import Content, FileCheckpoint, SampleArchive, SampleManifest

SIZE = (2 << 20) + 5


def test_content_is_the_same_wherever_reading_begins() -> None:
    content = Content(SIZE)
    whole = content.read(0, SIZE)
    assert len(whole) == SIZE
    for offset, size in [(0, 1), (5, 1 << 20), ((1 << 20) - 1, 2), (SIZE - 1, 10), (SIZE, 10)]:
        assert content.read(offset, size) == whole[offset : offset + size]


def test_content_of_another_seed_differs() -> None:
    assert Content(100, "a").read(0, 100) != Content(100, "b").read(0, 100)


def test_digests_are_those_of_the_content() -> None:
    content = Content(SIZE)
    whole, digests = content.read(0, SIZE), content.digests
    assert digests.sha256 == hashlib.sha256(whole).hexdigest()
    assert digests.crc32 == zlib.crc32(whole)


def test_md5_is_there_only_if_asked_for() -> None:
    assert SampleArchive(Content(10)).digests().md5 is None
    assert SampleArchive(Content(10), md5=True).digests().md5 is not None


def test_reader_withholds_the_last_byte_until_verified() -> None:
    archive = SampleArchive(Content(10), arrived=10, error=TransientError("Not verified."))
    reader = archive.open()
    assert len(reader.read(9)) == 9
    with pytest.raises(TransientError):
        reader.read(1)


def test_reader_withholds_the_end_of_an_empty_archive() -> None:
    archive = SampleArchive(Content(0), arrived=0, error=IntegrityError("Refused."))
    with archive.open() as reader, pytest.raises(IntegrityError):
        reader.read(1)


def test_reader_waits_for_what_is_to_arrive() -> None:
    archive = SampleArchive(Content(10), arrived=0)
    read: list[bytes] = []
    thread = threading.Thread(target=lambda: read.append(archive.open().read(5)))
    thread.start()
    archive.arrive(5)
    thread.join(10)
    assert [len(each) for each in read] == [5]


def test_reader_begins_at_an_offset_and_fills_buffers() -> None:
    archive = SampleArchive(Content(10))
    buffer = bytearray(7)
    with archive.open(4) as reader:
        assert reader.readinto(buffer) == 6
        assert bytes(buffer[:6]) == archive.content.read(4, 6)
        assert (reader.tell(), reader.readinto(buffer)) == (10, 0)
    assert archive.open_readers == 0


def test_manifest_waits_for_the_archive_and_is_the_same_every_time() -> None:
    refused = SampleArchive(Content(10), arrived=3, error=IntegrityError("Refused."))
    with pytest.raises(IntegrityError):
        SampleManifest(refused).seal()
    archive = SampleArchive(Content(10))
    assert SampleManifest(archive).seal() == SampleManifest(archive).seal()


def test_checkpoint_outlives_its_object(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    assert FileCheckpoint(note).load() == {}
    FileCheckpoint(note).save({"parts": [1, 2]})
    assert FileCheckpoint(note).load() == {"parts": [1, 2]}
