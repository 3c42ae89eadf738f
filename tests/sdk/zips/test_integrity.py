"""Damaged and hostile zip files: each is an `IntegrityError`, and never another exception."""

import io
import os
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labferry.sdk import IntegrityError
from labferry.sdk.zips import Limits, ZipArchive

Change = Callable[[bytes], bytes]


def check(data: bytes, limits: Limits | None = None) -> int:
    """How many files are in it, each one read."""
    return ZipArchive(io.BytesIO(data), limits or Limits()).test()


def zipped(*names: str, content: bytes = b"content") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(zipfile.ZipInfo(name), b"" if name.endswith("/") else content)
    return buffer.getvalue()


def deflated(content: bytes, name: str = "a/b", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr(name, content)
    return buffer.getvalue()


def with_mode(mode: int, content: bytes, name: str = "a/link") -> bytes:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(info, content)
    return buffer.getvalue()


def central(data: bytes) -> int:
    return data.index(b"PK\1\2")


def patched(data: bytes, offset: int, form: str, value: int) -> bytes:
    """Change a number in the directory's first entry."""
    changed = bytearray(data)
    struct.pack_into(form, changed, central(data) + offset, value)
    return bytes(changed)


def large(data: bytes, *, entries: int = 1, length: int = 46, start: int = 0) -> bytes:
    """Something with an end of the large format (zip64) behind it, which says these numbers."""
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, length, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(data), 1)
    unknown = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    return data + end64 + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *unknown, 0)


def test_an_honest_one_is_intact() -> None:
    assert check(zipped("work/", "work/empty/", "work/a", "work/deep/er/b")) == 2
    assert check(deflated(os.urandom(3 << 20) + bytes(20 << 20))) == 1
    assert check(zipped()) == 0


@pytest.mark.parametrize(
    "name",
    ["../a", "/etc/a", "..\\a", "C:\\a", "NUL", "x" * 9999, "/".join("a" * 99), "a//b", "e\u0301"],
)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_no_name_is_damage(name: str) -> None:
    assert check(zipped(name, name, name.upper(), "b")) == 4


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR])
def test_no_kind_of_file_is_damage(mode: int) -> None:
    data = with_mode(mode, b"/etc/passwd")
    assert check(data) == 1
    assert [member.is_special for member in ZipArchive(io.BytesIO(data)).members] == [True]


def test_one_with_more_members_than_the_old_format_can_count() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for number in range(65_536):
            file.writestr(zipfile.ZipInfo(str(number)), b"")
    assert len(ZipArchive(buffer).files) == 65_536


def test_one_of_the_large_format() -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w") as file,
        file.open(zipfile.ZipInfo("a/b"), "w", force_zip64=True) as member,
    ):
        member.write(b"content")
    assert check(buffer.getvalue()) == 1


def test_large_numbers_are_in_the_extra_field() -> None:
    data = zipped("a")
    at, end = central(data), data.index(b"PK\5\6")
    entry = bytearray(data[at:end])
    struct.pack_into("<LL", entry, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", entry, 30, 28)
    struct.pack_into("<L", entry, 42, 0xFFFFFFFF)
    extra = struct.pack("<HH", 0x7075, 0) + struct.pack("<HH3Q", 1, 24, 7, 7, 0)
    struct.pack_into("<H", entry, 30, len(extra))
    whole = bytes(entry) + extra
    record = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(whole), at, 0)
    assert check(data[:at] + whole + record) == 1
    short = whole[: -len(extra)] + struct.pack("<HH", 0x7075, 24) + extra[4:28]
    with pytest.raises(IntegrityError):
        check(data[:at] + short + record)


def test_a_comment_may_look_like_an_end() -> None:
    comment = b"PK\5\6" + bytes(30)
    data = zipped("a")[:-2] + struct.pack("<H", len(comment)) + comment
    assert check(data) == 1


@pytest.mark.parametrize("number", [1 << 31, (1 << 32) - 1, 1 << 62, 1 << 63, (1 << 64) - 1])
def test_nonsense_in_the_large_format(number: int) -> None:
    data = bytes(46)
    for numbers in (
        {"start": number},
        {"length": number},
        {"entries": number},
        {"start": number, "length": (46 - number) % (1 << 64)},
        {"entries": number, "length": number, "start": number},
    ):
        with pytest.raises(IntegrityError):
            check(large(data, **numbers))
    moved = bytearray(large(data))
    struct.pack_into("<Q", moved, len(moved) - 22 - 12, number)
    with pytest.raises(IntegrityError, match="end of its directory is not where"):
        check(bytes(moved))


def test_a_folder_with_content() -> None:
    with pytest.raises(IntegrityError, match="content of its own"):
        check(with_mode(stat.S_IFDIR | 0o700, b"content", "a/"))


@pytest.mark.parametrize("flag", [0x1, 0x40, 0x2000])
def test_encrypted_members(flag: int) -> None:
    with pytest.raises(IntegrityError, match="encrypted"):
        check(patched(zipped("a"), 8, "<H", flag))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_memory_can_not_be_bounded(method: int) -> None:
    with pytest.raises(IntegrityError, match="not known here"):
        check(deflated(b"content", method=method))


def test_a_bomb_by_ratio() -> None:
    data = deflated(bytes(10 << 20))
    with pytest.raises(IntegrityError, match=r"would unpack to 10485760, more than"):
        check(data, Limits(total=1 << 20))
    assert check(data, Limits(total=10 << 20)) == 1


def test_a_bomb_by_count() -> None:
    with pytest.raises(IntegrityError, match="101 members"):
        check(zipped(*map(str, range(101))), Limits(members=100))


def test_a_bomb_by_its_directory() -> None:
    with pytest.raises(IntegrityError, match="a directory of"):
        check(zipped("a" * 200, "b" * 200), Limits(directory=100))


def test_a_bomb_by_overlapping_members() -> None:
    """Two entries of the directory for one and the same member, as the best-known bombs have."""
    data = deflated(b"content" * 100, "a")
    at = central(data)
    end = data.index(b"PK\5\6")
    entry = data[at:end]
    second = bytearray(entry)
    second[46:47] = b"b"
    record = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, 2 * len(entry), at, 0)
    with pytest.raises(IntegrityError, match="overlaps"):
        check(data[:at] + entry + bytes(second) + record)


def test_memory_is_bounded_by_names_and_members() -> None:
    """The rest of a directory, and whatever it claims, takes none."""
    data = zipped(*(f"work/{number:06}" for number in range(2000)))
    at, end = central(data), data.index(b"PK\5\6")
    entries, place = [], at
    while place < end:
        entry = bytearray(data[place : place + 46 + 11])
        struct.pack_into("<HH", entry, 30, 0, 30_000)
        entries.append(bytes(entry) + bytes(30_000))
        place += 46 + 11
    whole = b"".join(entries)
    record = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2000, 2000, len(whole), at, 0)
    file = io.BytesIO(data[:at] + whole + record)
    tracemalloc.start()
    assert len(ZipArchive(file).files) == 2000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(whole) > 60_000_000
    assert peak < 4_000_000


def test_a_declared_size_that_is_too_small() -> None:
    """Reading ends soon after the declared size."""
    file = ZipArchive(io.BytesIO(patched(deflated(bytes(50 << 20)), 24, "<L", 10)))
    tracemalloc.start()
    with pytest.raises(IntegrityError, match="more than its 10 bytes"):
        file.test()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize("size", [8, 1 << 20])
def test_a_declared_size_that_is_too_large(size: int) -> None:
    with pytest.raises(IntegrityError, match="7 bytes instead of"):
        check(patched(deflated(b"content"), 24, "<L", size))


def test_content_that_is_damaged() -> None:
    data = bytearray(deflated(b"".join(b"%d" % number for number in range(9999))))
    data[500] ^= 1
    with pytest.raises(IntegrityError, match=r"CRC-32|can't be unpacked"):
        check(bytes(data))
    data = bytearray(zipped("a"))
    data[data.index(b"content")] ^= 1
    with pytest.raises(IntegrityError, match="CRC-32"):
        check(bytes(data))


def test_a_member_under_two_names() -> None:
    with pytest.raises(IntegrityError, match="another one than"):
        check(zipped("aaa").replace(b"aaa", b"bbb", 1))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:0],
        lambda data: data[4:20],
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: b"#!/bin/sh\n" + data,
        lambda data: data[len(data) // 2 :],
        lambda data: data.replace(b"PK\1\2", b"PK\1\3"),
        lambda data: data.replace(b"PK\3\4", b"PK\3\5"),
        lambda data: data[:-10] + struct.pack("<L", 1 << 31) + data[-6:],
        lambda data: data[:-14] + struct.pack("<HH", 3, 3) + data[-10:],
        lambda data: data[:-14] + struct.pack("<HH", 1, 1) + data[-10:],
        lambda data: data[:-18] + struct.pack("<HH", 1, 1) + data[-14:],
        lambda data: data[:-14] + struct.pack("<HH", 0xFFFF, 0xFFFF) + data[-10:],
    ],
)
def test_what_is_no_sound_zip_file(change: Change) -> None:
    with pytest.raises(IntegrityError, match="no sound zip file"):
        check(change(zipped("a/b", "a/c")))


@given(data=st.data())
@settings(max_examples=500, deadline=None, derandomize=True)
def test_no_damage_ends_in_anything_but_an_integrity_error(data: st.DataObject) -> None:
    whole = bytearray(
        data.draw(
            st.sampled_from([zipped("a/b", "a/"), deflated(b"content" * 9), large(bytes(46))])
        )
    )
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    with suppress(IntegrityError):
        check(bytes(whole))


def test_a_test_ends_when_it_is_asked_to() -> None:
    def end() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ZipArchive(io.BytesIO(zipped("a"))).test(end)
