"""A collection of hostile zip files, and what honest ones come to."""

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from labferry.actions.restore.extract import extract
from labferry.copies.extract_zip import Limits, ZipContents
from labferry.runtime.stop import Stop
from labferry.sdk import ConflictError, FullError, IntegrityError, LabferryError, StoppedError

Zip = Callable[..., Path]
Unpack = Callable[..., int]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive.zip"


@pytest.fixture
def unpack(archive: Path, tmp_path: Path) -> Unpack:
    """Unpack, or leave nothing at all."""

    def unpack(limits: Limits | None = None) -> int:
        try:
            return extract(archive, tmp_path / "new", Stop(), limits or Limits())
        except LabferryError:
            assert [path.name for path in tmp_path.iterdir()] == ["archive.zip"]
            raise

    return unpack


def _zip(*names: str, content: bytes = b"content") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(zipfile.ZipInfo(name), b"" if name.endswith("/") else content)
    return buffer.getvalue()


def _deflated(content: bytes, name: str = "a/b", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr(name, content)
    return buffer.getvalue()


def _with_mode(mode: int, content: bytes, name: str = "a/link") -> bytes:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(info, content)
    return buffer.getvalue()


def _central(data: bytes) -> int:
    return data.index(b"PK\1\2")


def _patched(data: bytes, offset: int, form: str, value: int) -> bytes:
    """Change a number in the directory's first entry."""
    changed = bytearray(data)
    struct.pack_into(form, changed, _central(data) + offset, value)
    return bytes(changed)


def test_an_honest_one_is_unpacked(archive: Path, unpack: Unpack, tmp_path: Path) -> None:
    archive.write_bytes(_zip("work/", "work/empty/", "work/a", "work/deep/er/b"))
    assert unpack() == 2
    new = tmp_path / "new"
    assert (new / "work/deep/er/b").read_bytes() == b"content"
    assert (new / "work/empty").is_dir()
    assert stat.S_IMODE(new.stat().st_mode) == 0o700
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.zip", "new"]


def test_an_empty_one_is_an_empty_folder(archive: Path, unpack: Unpack, tmp_path: Path) -> None:
    archive.write_bytes(_zip())
    assert unpack() == 0
    assert list((tmp_path / "new").iterdir()) == []


def test_one_with_more_members_than_the_old_format_can_count(archive: Path) -> None:
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(65_536):
            file.writestr(zipfile.ZipInfo(str(number)), b"")
    with archive.open("rb") as opened:
        assert len(ZipContents(opened).files) == 65_536


def test_one_of_the_large_format(archive: Path, unpack: Unpack, tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(archive, "w") as file,
        file.open(zipfile.ZipInfo("a/b"), "w", force_zip64=True) as member,
    ):
        member.write(b"content")
    assert unpack() == 1
    assert (tmp_path / "new/a/b").read_bytes() == b"content"


@pytest.mark.parametrize(
    "names",
    [
        ("../a",),
        ("/etc/cron.d/a",),
        ("a/../../b",),
        ("..\\a",),
        ("C:\\a",),
        ("a\0b",),
        ("NUL",),
        ("a", "a"),
        ("a", "A"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("e\u0301", "\u00e9"),
        ("x" * 256,),
        ("/".join("a" * 65),),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_hostile_names(archive: Path, unpack: Unpack, names: tuple[str, ...]) -> None:
    # The writer cuts a name at a NUL, which a hostile one does not.
    data = _zip(*(name.replace("\0", "@@@@") for name in names))
    archive.write_bytes(data.replace(b"@@@@", b"\0@@@"))
    with pytest.raises(IntegrityError, match="The member"):
        unpack()


def test_a_path_that_is_too_long_altogether(archive: Path, unpack: Unpack) -> None:
    archive.write_bytes(_zip("/".join(["n" * 200] * 20)))
    with pytest.raises(IntegrityError, match="too long"):
        unpack()


@pytest.mark.parametrize(
    "mode",
    [stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR],
)
def test_links_and_devices(archive: Path, unpack: Unpack, mode: int) -> None:
    archive.write_bytes(_with_mode(mode, b"/etc/passwd"))
    with pytest.raises(IntegrityError, match="a link or a device"):
        unpack()


def test_a_folder_with_content(archive: Path, unpack: Unpack) -> None:
    archive.write_bytes(_with_mode(stat.S_IFDIR | 0o700, b"content", "a/"))
    with pytest.raises(IntegrityError, match="content of its own"):
        unpack()


@pytest.mark.parametrize("flag", [0x1, 0x40, 0x2000])
def test_encrypted_members(archive: Path, unpack: Unpack, flag: int) -> None:
    archive.write_bytes(_patched(_zip("a"), 8, "<H", flag))
    with pytest.raises(IntegrityError, match="encrypted"):
        unpack()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_memory_can_not_be_bounded(
    archive: Path, unpack: Unpack, method: int
) -> None:
    archive.write_bytes(_deflated(b"content", method=method))
    with pytest.raises(IntegrityError, match="not known here"):
        unpack()


def test_a_bomb_by_ratio(archive: Path, unpack: Unpack) -> None:
    archive.write_bytes(_deflated(bytes(10 << 20)))
    with pytest.raises(IntegrityError, match=r"would unpack to 10485760, more than"):
        unpack(Limits(total=1 << 20))
    assert unpack(Limits(total=10 << 20)) == 1


def test_a_bomb_by_count(archive: Path, unpack: Unpack) -> None:
    archive.write_bytes(_zip(*map(str, range(101))))
    with pytest.raises(IntegrityError, match="101 members"):
        unpack(Limits(members=100))


def test_a_bomb_by_its_directory(archive: Path, unpack: Unpack) -> None:
    archive.write_bytes(_zip("a" * 200, "b" * 200))
    with pytest.raises(IntegrityError, match="a directory of"):
        unpack(Limits(directory=100))


def test_a_bomb_by_overlapping_members(archive: Path, unpack: Unpack) -> None:
    """Two entries of the directory for one and the same member, as the best-known bombs have."""
    data = _deflated(b"content" * 100, "a")
    at = _central(data)
    end = data.index(b"PK\5\6")
    entry = data[at:end]
    second = bytearray(entry)
    second[46:47] = b"b"
    record = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, 2 * len(entry), at, 0)
    archive.write_bytes(data[:at] + entry + bytes(second) + record)
    with pytest.raises(IntegrityError, match="overlaps"):
        unpack()


def test_a_bomb_by_a_declared_size_that_is_too_small(
    archive: Path, unpack: Unpack, tmp_path: Path
) -> None:
    """Reading ends where the declared size does."""
    archive.write_bytes(_patched(_deflated(bytes(50 << 20)), 24, "<L", 10))
    with pytest.raises(IntegrityError, match="CRC"):
        unpack()


@pytest.mark.parametrize("size", [8, 1 << 20])
def test_a_declared_size_that_is_too_large(archive: Path, unpack: Unpack, size: int) -> None:
    archive.write_bytes(_patched(_deflated(b"content"), 24, "<L", size))
    with pytest.raises(IntegrityError, match=r"bytes instead of|can't be read"):
        unpack()


def test_content_that_is_damaged(archive: Path, unpack: Unpack) -> None:
    data = bytearray(_deflated(os.urandom(1000)))
    data[500] ^= 1
    archive.write_bytes(data)
    with pytest.raises(IntegrityError, match="can't be read"):
        unpack()


def test_a_member_under_two_names(archive: Path, unpack: Unpack) -> None:
    data = _zip("aaa")
    archive.write_bytes(data.replace(b"aaa", b"bbb", 1))
    with pytest.raises(IntegrityError, match="can't be read"):
        unpack()


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
        lambda data: data[:-18] + struct.pack("<HH", 1, 1) + data[-14:],
        lambda data: data[:-14] + struct.pack("<HH", 0xFFFF, 0xFFFF) + data[-10:],
    ],
)
def test_what_is_no_sound_zip_file(
    archive: Path, unpack: Unpack, change: Callable[[bytes], bytes]
) -> None:
    archive.write_bytes(change(_zip("a/b", "a/c")))
    with pytest.raises(IntegrityError, match=r"no sound zip file|is not where"):
        unpack()


@pytest.mark.parametrize("seed", range(40))
def test_any_damaged_byte_is_told_as_damage_or_harmless(
    archive: Path, tmp_path: Path, seed: int
) -> None:
    data = bytearray(_deflated(b"content" * 9))
    at = seed * len(data) // 40
    data[at] ^= 0xFF
    archive.write_bytes(data)
    try:
        extract(archive, tmp_path / "new", Stop())
    except IntegrityError:
        assert not (tmp_path / "new").exists()


def test_a_zip_file_in_a_zip_file_stays_packed(
    archive: Path, unpack: Unpack, tmp_path: Path
) -> None:
    inner = _deflated(bytes(1 << 20))
    archive.write_bytes(_zip("a/inner.zip", content=inner))
    assert unpack() == 1
    assert (tmp_path / "new/a/inner.zip").read_bytes() == inner


def test_there_must_be_space_for_all_of_it(
    archive: Path, unpack: Unpack, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.write_bytes(_zip("a/b"))

    class Usage:
        free = 6

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    with pytest.raises(FullError, match="needs 7 bytes"):
        unpack()


def test_a_signal_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(_zip("a/b"))
    stop = Stop()
    stop.request(15)
    with pytest.raises(StoppedError):
        extract(archive, tmp_path / "new", stop)
    assert [path.name for path in tmp_path.iterdir()] == ["archive.zip"]


def test_what_a_killed_one_left_is_removed(archive: Path, unpack: Unpack, tmp_path: Path) -> None:
    archive.write_bytes(_zip("a/b"))
    left = tmp_path / "archive.zip.unpacked"
    (left / "old").mkdir(parents=True)
    assert unpack() == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.zip", "new"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a"]


def test_a_folder_that_fills_meanwhile_is_not_touched(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.write_bytes(_zip("a/b"))
    sync = os.sync

    def fill() -> None:
        (tmp_path / "new").mkdir()
        (tmp_path / "new/mine").touch()
        sync()

    monkeypatch.setattr("os.sync", fill)
    with pytest.raises(ConflictError, match="not touched"):
        extract(archive, tmp_path / "new", Stop())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine"]
