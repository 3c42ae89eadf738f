"""The spool folder: made for its owner alone, checked for space, swept."""

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from labferry.sdk import FullError, StateError
from labferry.spool import Declared, Spool

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil has it
MIB = 1 << 20


def declared(size: int, name: str = "a-1") -> Declared:
    return Declared(name, "a", f"a/{name}.zip", size, 0)


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(size, 0, size))


def test_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "state" / "spool")
    assert spool.folder.stat().st_mode & 0o777 == 0o700


def test_folder_that_is_there_is_used(tmp_path: Path) -> None:
    Spool(tmp_path)
    assert Spool(tmp_path).folder == tmp_path


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_folder_that_cannot_be_made_is_named(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateError, match=f"^{tmp_path / place} "):
        Spool(tmp_path / place)


def test_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StateError, match=r"Permission denied\. spool_dir must be a folder"):
        Spool(tmp_path)


def test_archive_has_a_file_named_after_it(tmp_path: Path) -> None:
    archive = Spool(tmp_path).open(declared(5), md5=True)
    archive.write(0, b"12345")
    archive.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a-1.spool"]


@pytest.mark.parametrize("missing", [10 * MIB, 1000 * MIB])
def test_space_is_checked_before_the_first_byte(
    missing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    free(monkeypatch, missing)
    with pytest.raises(FullError) as caught:
        spool.open(declared(missing), md5=False)
    assert caught.value.message == (
        f"The archive needs {missing} more bytes in the spool {tmp_path}, "
        f"but only {missing} are free."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("missing", "margin"), [(10 * MIB, MIB), (1000 * MIB, 64 * MIB)])
def test_some_space_is_left_for_others(
    missing: int, margin: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    free(monkeypatch, missing + margin - 1)
    with pytest.raises(FullError):
        spool.open(declared(missing), md5=False)
    free(monkeypatch, missing + margin)
    spool.open(declared(missing), md5=False).close()


def test_only_what_is_missing_needs_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a-1.spool").write_bytes(bytes(MIB))
    free(monkeypatch, 0)
    Spool(tmp_path).open(declared(MIB), md5=False).close()
    with pytest.raises(FullError, match="needs 1 more bytes"):
        Spool(tmp_path).open(declared(MIB + 1), md5=False)


def test_discarded_archive_is_gone_and_discarding_again_is_no_error(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.open(declared(1), md5=False).close()
    spool.discard("a-1")
    spool.discard("a-1")
    assert list(tmp_path.iterdir()) == []


def test_sweep_removes_what_nothing_waits_for(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for name in ("a-1", "a-2", "a-10"):
        spool.open(declared(1, name), md5=False).close()
    spool.sweep({"a-1", "a-3"})
    assert [path.name for path in tmp_path.iterdir()] == ["a-1.spool"]


def test_sweep_leaves_what_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("keep")
    Spool(tmp_path).sweep(())
    assert (tmp_path / "notes.txt").exists()


def test_folder_that_disappears_is_named(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.folder.rmdir()
    with pytest.raises(StateError, match="No such file"):
        spool.open(declared(1), md5=False)
