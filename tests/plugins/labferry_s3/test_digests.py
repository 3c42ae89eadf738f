import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry.testing.samples.documents import MemoryCheckpoint
from labferry_s3.digests import PartDigest, combined_crc32, crc32_text, multipart_etag, parse_crc32
from labferry_s3.part_sizes import PartSizes
from labferry_s3.progress import Progress

from .storing import sample

_LARGE = (512 << 20, 20 << 30, 140 << 30, 5 << 40)


@given(st.lists(st.binary(max_size=50)))
def test_checksum_of_the_whole_follows_from_those_of_the_parts(parts: list[bytes]) -> None:
    known = [(zlib.crc32(part), len(part)) for part in parts]
    assert combined_crc32(known) == zlib.crc32(b"".join(parts))


@given(st.integers(0, 2**32 - 1))
def test_checksum_is_read_as_it_is_written(crc32: int) -> None:
    assert parse_crc32(crc32_text(crc32)) == crc32


@pytest.mark.parametrize("text", [None, "", "WT3GYg==-5"])
def test_checksum_of_checksums_is_none_of_the_whole(text: str | None) -> None:
    assert parse_crc32(text) is None


def test_etag_of_parts_that_are_no_md5s_can_not_be_told() -> None:
    assert multipart_etag(["opaque"]) is None
    assert str(multipart_etag([PartDigest.of(b"a").etag])).endswith("-1")


@pytest.mark.parametrize("wanted", [5 << 20, 6 << 20, 16 << 20, 5 << 30])
@pytest.mark.parametrize(
    "size", [*(0, 1, (5 << 20) + 1, 10 << 20, 16 << 20, (16 << 20) + 1), *_LARGE]
)
def test_a_store_takes_the_parts_and_the_last_one_is_next_to_nothing(
    size: int, wanted: int
) -> None:
    sizes = PartSizes.planned(size, wanted)
    assert sizes.count <= 9_001
    assert sizes.offset(sizes.count) + sizes.length(sizes.count) == size
    if sizes.count > 1:
        assert 5 << 20 <= sizes.each <= 5 << 30
        assert 1 <= sizes.length(sizes.count) <= sizes.count


@pytest.mark.parametrize("size", [17 << 20, 31 << 20, *_LARGE[:-1]])
def test_parts_take_about_the_memory_that_they_are_given(size: int) -> None:
    assert PartSizes.planned(size, 16 << 20).each <= 16 << 20


@pytest.mark.parametrize(
    "note", [{}, {"upload_id": 1}, {"from": "another version"}, {"parts": [1, None]}]
)
def test_note_of_another_version_is_ignored(note: dict[str, object]) -> None:
    assert Progress(MemoryCheckpoint(note), sample(), "key").upload_id is None  # type: ignore[arg-type]


def test_note_about_another_archive_is_ignored() -> None:
    note = MemoryCheckpoint()
    Progress(note, sample(), "key").begin("upload", 5 << 20, whole_checksum=True)
    assert Progress(note, sample(), "key").upload_id == "upload"
    assert Progress(note, sample(job="2"), "key").upload_id is None
    assert Progress(note, sample(), "other").upload_id is None
