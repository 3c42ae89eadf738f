"""Unpacking: all of it or nothing, nowhere else, whatever is in it and whoever is around."""

import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from labferry.actions.restore.extract import Extracted, extract
from labferry.runtime.stop import Stop
from labferry.sdk import ConflictError, FullError, IntegrityError, LabferryError, StoppedError
from labferry.sdk.zips import LIMITS, Limits

Unpack = Callable[..., int]
SCRATCH = ".part.unpacked"


def extracted(archive: Path, folder: Path, stop: Stop, limits: Limits = LIMITS) -> Extracted:
    with archive.open("rb") as file:
        return extract(file, folder, stop, scratch=SCRATCH, limits=limits)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive.zip"


@pytest.fixture
def unpack(archive: Path, tmp_path: Path) -> Unpack:
    """Unpack, or leave nothing at all; how many files there are."""

    def unpack(limits: Limits | None = None) -> int:
        try:
            return extracted(archive, tmp_path / "new", Stop(), limits or LIMITS).files
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


def _linked(name: str, target: bytes) -> bytes:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(info, target)
    return buffer.getvalue()


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


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("../a", "__/a"),
        ("/etc/cron.d/a", "_/etc/cron.d/a"),
        ("a/../../b", "a/__/__/b"),
        ("..\\a", ".._a"),
        ("C:\\a", "C__a"),
        ("work/aux.txt", "work/aux_.txt"),
        ("work/Ratio 1\\2.png", "work/Ratio 1_2.png"),
        ("work/a.", "work/a_"),
        ("photo\u202egnp.exe", "photo_gnp.exe"),
        ("a\x1b[2J", "a_[2J"),
    ],
)
def test_a_name_that_could_do_harm_is_another_one(
    archive: Path, tmp_path: Path, name: str, path: str
) -> None:
    archive.write_bytes(_zip("b", name))
    done = extracted(archive, tmp_path / "new", Stop())
    assert done.files == 2
    assert [(renamed.name, renamed.path) for renamed in done.renamed] == [(name, path)]
    assert (tmp_path / "new" / path).read_bytes() == b"content"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.zip", "new"]


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_names_that_meet_are_told_apart(archive: Path, tmp_path: Path) -> None:
    names = (
        "Data.csv",
        "data.csv",
        "data.csv",
        "data.csv/x",
        "A/x",
        "a/y",
        "a/",
        "e\u0301",
        "\u00e9",
    )
    archive.write_bytes(_zip(*names))
    done = extracted(archive, tmp_path / "new", Stop())
    assert done.files == 8
    assert [(renamed.name, renamed.path) for renamed in done.renamed] == [
        ("data.csv", "data~2.csv"),
        ("data.csv", "data~3.csv"),
        ("data.csv/x", "data~4.csv/x"),
        ("a/y", "a~2/y"),
        ("a/", "a~2"),
        ("\u00e9", "\u00e9~2"),
    ]


def test_a_name_that_is_no_text_is_escaped_in_the_list(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(_zip("caf\u00e9").replace("\u00e9".encode(), b"\xe9\xe8"))
    (renamed,) = extracted(archive, tmp_path / "new", Stop()).renamed
    assert (renamed.name, renamed.path) == ("caf\\udce9\\udce8", "caf__")


@pytest.mark.parametrize("name", ["x" * 9999, "/".join("a" * 65), "/".join(["n" * 200] * 20)])
def test_a_name_that_no_disk_can_hold(archive: Path, tmp_path: Path, name: str) -> None:
    archive.write_bytes(_zip(name))
    (renamed,) = extracted(archive, tmp_path / "new", Stop()).renamed
    assert (tmp_path / "new" / renamed.path).read_bytes() == b"content"


def test_a_link_is_a_plain_file(
    archive: Path, unpack: Unpack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive.write_bytes(_linked("a/link", b"/etc/passwd"))
    assert unpack() == 1
    assert not (tmp_path / "new/a/link").is_symlink()
    assert (tmp_path / "new/a/link").read_bytes() == b"/etc/passwd"
    assert "plain files now: 'a/link'" in caplog.text


def test_a_bomb_by_folders(archive: Path, unpack: Unpack) -> None:
    archive.write_bytes(_zip(*("/".join([str(number), *"a" * 60]) for number in range(50))))
    with pytest.raises(IntegrityError, match="needs more than 1200 folders for 50 members"):
        unpack()


def test_a_disk_without_inodes(
    archive: Path, unpack: Unpack, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.write_bytes(_zip("a/b", "a/c"))

    class Room:
        f_files, f_favail, f_blocks, f_bfree, f_bavail, f_frsize = 9, 2, 9, 9, 9, 4096

    monkeypatch.setattr("os.statvfs", lambda _: Room)
    with pytest.raises(FullError, match="needs 3 files and folders"):
        unpack()


def test_a_bomb_by_size(archive: Path, unpack: Unpack) -> None:
    archive.write_bytes(_deflated(bytes(10 << 20)))
    with pytest.raises(IntegrityError, match="would unpack to"):
        unpack(Limits(total=1 << 20))
    assert unpack() == 1


@pytest.mark.parametrize("seed", range(40))
def test_any_damaged_byte_is_damage_or_harmless(archive: Path, tmp_path: Path, seed: int) -> None:
    data = bytearray(_deflated(b"content" * 9))
    at = seed * len(data) // 40
    data[at] ^= 0xFF
    archive.write_bytes(data)
    try:
        extracted(archive, tmp_path / "new", Stop())
    except IntegrityError:
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", ["link", "file", "folder of another"])
def test_what_somebody_put_in_the_way_is_not_used(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whoever owns the folder knows the hidden name."""
    archive.write_bytes(_zip("a"))
    elsewhere, way = tmp_path / "elsewhere", tmp_path / SCRATCH
    elsewhere.mkdir()
    if kind == "link":
        way.symlink_to(elsewhere)
    elif kind == "file":
        way.touch()
    else:
        way.mkdir()
        monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConflictError, match="belongs to somebody else"):
        extracted(archive, tmp_path / "new", Stop())
    assert list(elsewhere.iterdir()) == []
    assert way.is_symlink() or way.exists()


def test_a_folder_that_is_swapped_meanwhile_gets_nothing(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns the folder around moves ours away, and puts a link in its place."""
    archive.write_bytes(_zip("a", "b"))
    around, elsewhere = tmp_path / "around", tmp_path / "elsewhere"
    around.mkdir()
    elsewhere.mkdir()
    mkdir = os.mkdir

    def swap(path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        mkdir(path, mode, dir_fd=dir_fd)
        if path == SCRATCH:
            around.rename(tmp_path / "moved")
            around.symlink_to(elsewhere)

    monkeypatch.setattr("os.mkdir", swap)
    extracted(archive, around / "new", Stop())
    assert list(elsewhere.iterdir()) == []
    assert sorted(path.name for path in (tmp_path / "moved/new").iterdir()) == ["a", "b"]


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
    with pytest.raises(FullError, match="needs 8192 bytes"):
        unpack()


def test_a_signal_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(_zip("a/b"))
    stop = Stop()
    stop.request(15)
    with pytest.raises(StoppedError):
        extracted(archive, tmp_path / "new", stop)
    assert [path.name for path in tmp_path.iterdir()] == ["archive.zip"]


def test_what_a_killed_one_left_is_removed(archive: Path, unpack: Unpack, tmp_path: Path) -> None:
    archive.write_bytes(_zip("a/b"))
    left = tmp_path / SCRATCH
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
        extracted(archive, tmp_path / "new", Stop())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine"]
