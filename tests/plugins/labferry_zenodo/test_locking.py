"""One writer at a time on a machine, whatever becomes of the others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labferry.sdk import StateError, TransientError
from labferry_zenodo.locking import only_writer

_HOLDER = """
from labferry_zenodo.locking import only_writer
with only_writer("thing", "The thing"):
    print("held", flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the lock files are."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    return tmp_path


def test_second_writer_is_sent_away_and_another_thing_is_not_held_up() -> None:
    with only_writer("thing", "The thing"):
        with pytest.raises(TransientError, match="The thing is being written"):
            only_writer("thing", "The thing").__enter__()
        with only_writer("another", "Another thing"):
            pass
    with only_writer("thing", "The thing"):
        pass


def test_lock_of_a_killed_process_is_free() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TransientError):
            only_writer("thing", "The thing").__enter__()
        holder.kill()
        holder.wait()
        with only_writer("thing", "The thing"):
            pass


def test_nothing_is_left(folder: Path) -> None:
    killed = folder / f"labferry-zenodo-{os.getuid()}-{'ab' * 16}.lock"
    killed.touch()
    other = folder / f"labferry-zenodo-{os.getuid() + 1}-{'ab' * 16}.lock"
    other.touch()
    with only_writer("thing", "The thing"):
        assert len(list(folder.iterdir())) == 2, "what a killed process left is swept"
    assert list(folder.iterdir()) == [other]


def test_lock_that_was_removed_meanwhile_is_taken_anew(folder: Path) -> None:
    with only_writer("thing", "The thing"):
        (lock,) = folder.iterdir()
        held = lock.open()
    with held, only_writer("thing", "The thing"):
        (lock,) = folder.iterdir()
        assert (
            lock.stat().st_ino != os.fstat(held.fileno()).st_ino
            or os.fstat(held.fileno()).st_nlink == 0
        )
        with pytest.raises(TransientError):
            only_writer("thing", "The thing").__enter__()


def test_link_in_place_of_the_lock_file_is_not_followed(folder: Path) -> None:
    with only_writer("thing", "The thing"):
        (lock,) = folder.iterdir()
    lock.symlink_to(folder / "victim")
    with pytest.raises(StateError, match="can't be opened"):
        only_writer("thing", "The thing").__enter__()
    assert not (folder / "victim").exists()
