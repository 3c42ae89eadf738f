"""Files that others might have tampered with: links, FIFOs, swapped folders, full disks."""

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from labferry.sdk import (
    ConflictError,
    FullError,
    LabferryError,
    NotFoundError,
    RefusedError,
    StateError,
    TransientError,
)
from labferry.sdk.disk_errors import DESTINATION, DiskUse
from labferry.sdk.files import FileKindError, Folder, disk_errors, replace_file


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    (tmp_path / "root").mkdir()
    with Folder.at(tmp_path / "root") as opened:
        yield opened


def _link(path: Path) -> None:
    (path.parent.parent / "secret").write_bytes(b"of root")
    path.symlink_to("../secret")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


_ODD = {"a link": _link, "a FIFO": os.mkfifo, "a socket": _socket, "a folder": os.mkdir}


@pytest.mark.parametrize("kind", [*_ODD])
@pytest.mark.timeout(20)
def test_only_regular_files_are_opened(
    kind: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    _ODD[kind](folder.path / "x")
    attempts = (
        lambda: folder.open("x"),
        lambda: folder.open("x", write=True),
        lambda: folder.open_or_create("x"),
        lambda: folder.read("x", 10),
        lambda: folder.is_abandoned("x"),
    )
    for attempt in attempts:
        with pytest.raises(FileKindError, match=f"it is {kind}, not a file"):
            attempt()
    with pytest.raises(FileExistsError):
        folder.create("x")


@pytest.mark.parametrize("kind", ["a link", "a FIFO"])
@pytest.mark.timeout(20)
def test_what_is_swapped_between_look_and_opening_is_not_used(
    kind: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.path / "x").write_bytes(b"fine")
    there = folder.stat("x")
    (folder.path / "x").unlink()
    _ODD[kind](folder.path / "x")
    monkeypatch.setattr(Folder, "stat", lambda *_: there)
    with pytest.raises(FileKindError):
        folder.open("x")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc/passwd", "a/b"])
def test_a_path_is_no_name(name: str, folder: Folder) -> None:
    for attempt in (folder.open, folder.create, folder.open_or_create, folder.unlink, folder.stat):
        with pytest.raises(FileKindError):
            attempt(name)
    with pytest.raises(FileKindError):
        folder.folder(name, make=True)


def test_a_link_is_no_folder(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder.path / "chem").symlink_to(tmp_path / "elsewhere")
    for make in (False, True):
        with pytest.raises(FileKindError, match="it is a link, not a folder"):
            folder.descend("chem/2026", make=make)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_that_is_swapped_is_still_the_one_that_was_opened(
    folder: Folder, tmp_path: Path
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "x").write_bytes(b"precious")
    with folder.descend("a/b", make=True) as below:
        below.create("x").close()
        (folder.path / "a").rename(tmp_path / "moved")
        (folder.path / "a").symlink_to(tmp_path / "etc")
        below.unlink("x")
        with below.new_file("y") as file:
            file.write(b"y")
        assert not below.is_at(folder.path / "a/b")
    assert [path.name for path in (tmp_path / "etc").iterdir()] == ["x"]
    assert [path.name for path in (tmp_path / "moved/b").iterdir()] == ["y"]


def test_walking_follows_no_link_and_tells_what_it_does_not_enter(
    folder: Folder, tmp_path: Path
) -> None:
    folder.descend("a/b", make=True).close()
    (folder.path / "a/b/x").touch()
    (folder.path / ".snapshot").mkdir()
    (folder.path / ".snapshot/y").touch()
    (folder.path / "loop").symlink_to(tmp_path)
    found = {
        entry.key: (entry.is_file, entry.is_folder, entry.is_link)
        for entry in folder.walk(lambda key: not key.startswith("."))
    }
    assert found == {
        ".snapshot": (False, True, False),
        "a/b/x": (True, False, False),
        "loop": (False, False, True),
    }


def test_walking_ends_before_descriptors_do(folder: Folder) -> None:
    folder.descend("/".join("a" * 30), make=True).close()
    (entry,) = folder.walk(lambda _: True)
    assert entry.is_folder
    assert entry.key.count("/") == 16


def test_a_new_file_appears_whole_or_not_at_all(folder: Folder) -> None:
    with folder.new_file("x") as file:
        file.write(b"content")
        assert "x" not in folder.names()
    assert folder.read("x", 100) == b"content"
    with pytest.raises(FileExistsError), folder.new_file("x") as file:
        file.write(b"other")
    with pytest.raises(ZeroDivisionError), folder.new_file("y"):
        raise ZeroDivisionError
    assert folder.names() == ["x"]
    assert folder.read("x", 100) == b"content"


def test_a_new_file_replaces_only_on_demand_and_a_link_itself(folder: Folder) -> None:
    _link(folder.path / "x")
    with pytest.raises(FileExistsError), folder.new_file("x"):
        pass
    with folder.new_file("x", overwrite=True) as file:
        file.write(b"new")
    assert not (folder.path / "x").is_symlink()
    assert (folder.path.parent / "secret").read_bytes() == b"of root"


def test_a_temporary_file_that_was_swapped_is_noticed(folder: Folder) -> None:
    def swap() -> None:
        (name,) = folder.names()
        (folder.path / name).unlink()
        (folder.path / name).write_bytes(b"forged")

    with pytest.raises(FileKindError, match="another file"), folder.new_file("x"):
        swap()


def test_a_file_that_is_being_written_is_not_abandoned(folder: Folder) -> None:
    with folder.new_file("x", suffix=".part"):
        (name,) = folder.names()
        assert folder.is_abandoned(name) is False
    (folder.path / name).touch()
    assert folder.is_abandoned(name) is True


def test_nfs_tells_what_is_abandoned_too(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS answers an exclusive lock of a file that is open for reading with EBADF."""
    flock = fcntl.flock

    def _nfs(file: int, how: int) -> None:
        writes = fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
        if how & fcntl.LOCK_EX and not writes:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", _nfs)
    (folder.path / "old").touch()
    assert folder.is_abandoned("old") is True
    with folder.new_file("x", suffix=".part"):
        assert folder.is_abandoned(next(iter(set(folder.names()) - {"old"}))) is False


@pytest.mark.parametrize("reason", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_a_file_system_without_locks_tells_nothing(
    reason: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def _none(*_: object) -> None:
        raise OSError(getattr(errno, reason), "No locks")

    monkeypatch.setattr(fcntl, "flock", _none)
    with folder.new_file("x", suffix=".part"):
        (name,) = folder.names()
        assert folder.is_abandoned(name) is None


def refuse_folders(monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
    fsync = os.fsync

    def _fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(reason, "No")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", _fsync)


@pytest.mark.parametrize("reason", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_force_folders_is_used(
    reason: int, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_folders(monkeypatch, reason)
    assert folder.sync() is False
    folder.descend("a/b", make=True).close()


def test_a_folder_that_could_not_be_forced_is_an_error(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_folders(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="No"):
        folder.sync()


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, FullError, "its disk is full"),
        (errno.EDQUOT, FullError, "the disk quota is used up"),
        (errno.EFBIG, FullError, "too large for its file system"),
        (errno.EACCES, RefusedError, "Permission denied"),
        (errno.EPERM, RefusedError, "Operation not permitted"),
        (errno.EROFS, RefusedError, "Read-only file system"),
        (errno.ENOENT, NotFoundError, "is not there"),
        (errno.ENOTDIR, NotFoundError, "is not there"),
        (errno.EIO, TransientError, "Input/output error"),
        (errno.ESTALE, TransientError, "Stale file handle"),
        (errno.EBUSY, TransientError, "Device or resource busy"),
    ],
)
def test_each_error_of_the_system_has_its_own_words(
    number: int, kind: type[LabferryError], words: str
) -> None:
    with pytest.raises(LabferryError) as caught, disk_errors(Path("/nas/x.zip")):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is kind
    assert caught.value.message.startswith("/nas/x.zip ")
    assert words in caught.value.message
    state = DiskUse("", "", "", error=StateError)
    with pytest.raises(LabferryError) as caught, disk_errors(Path("/nas/x.zip"), state):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is (FullError if kind is FullError else StateError)


def test_inodes_are_told_from_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        os, "statvfs", lambda _: SimpleNamespace(f_files=10, f_favail=0, f_bavail=1000)
    )
    with pytest.raises(FullError, match="no free inodes"), disk_errors(Path("/x"), DESTINATION):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_what_is_in_the_way_is_named(folder: Folder) -> None:
    os.mkfifo(folder.path / "x")
    with pytest.raises(ConflictError) as caught, disk_errors(folder.path):
        folder.open("x")
    assert caught.value.message == f"{folder.path / 'x'} can't be used: it is a FIFO, not a file."


def test_a_replaced_file_keeps_the_permissions_of_this_user_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    replace_file(path, b"1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    replace_file(path, b"2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o666)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    replace_file(path, b"3")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"3", 0o600)


def test_what_a_killed_writer_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    left, busy, foreign = (tmp_path / name for name in (f".{'a' * 16}.tmp", "x.tmp", ".b.tmp"))
    for path in (left, busy, foreign):
        path.write_bytes(b"half")
    with Folder.at(tmp_path) as folder, folder.new_file("whole") as file:
        file.write(b"more")
        folder.sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.tmp", "whole", "x.tmp"]
