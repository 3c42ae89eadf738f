"""How a file gets its name in a folder: whole, durable, never over another one; and sweeping."""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from labferry.sdk import (
    Checked,
    ConflictError,
    Receipt,
    TransientError,
)
from labferry.testing.samples import MemoryCheckpoint, SampleArchive, SampleManifest
from labferry_local import LocalSink

Store = Callable[..., Receipt]

SIZE = 100_000
KEY = "sample/2026/20260102T030405Z-sample-1.zip"


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def leave(root: Path, name: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half of something")
    return path


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_receipt_points_at_the_file(store: Store, archive: SampleArchive, root: Path) -> None:
    receipt = store(archive)
    assert receipt.url == (root / KEY).as_uri()
    assert (receipt.key, receipt.checked, receipt.version_id) == (KEY, Checked.READ_BACK, None)


def test_content_is_on_the_disk_before_its_name_and_the_manifest_comes_last(
    store: Store, archive: SampleArchive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    sync, link = os.fsync, os.link

    def _sync(descriptor: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def _link(source: Path, target: Path, **how: Any) -> None:  # noqa: ANN401 - as `os.link`
        events.append("manifest" if str(target).endswith(".json") else "archive")
        link(source, target, **how)

    (root / KEY).parent.mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", _sync)
    monkeypatch.setattr(os, "link", _link)
    store(archive)
    once = [event for event, before in zip(events, ["", *events], strict=False) if event != before]
    assert once == ["file", "archive", "folder", "file", "manifest", "folder"]


def test_new_folders_are_forced_to_the_disk_before_what_is_in_them(
    store: Store, archive: SampleArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: list[bool] = []
    sync = os.fsync

    def _sync(descriptor: int) -> None:
        kinds.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", _sync)
    store(archive)
    assert kinds[:3] == [True, True, False]


def test_deletion_is_forced_to_the_disk_and_the_manifest_goes_first(
    sink: LocalSink, store: Store, archive: SampleArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    sync, unlink = os.fsync, os.unlink

    def _sync(descriptor: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def _unlink(name: str, **how: Any) -> None:  # noqa: ANN401 - as `os.unlink`
        events.append("manifest" if name.endswith(".json") else "archive")
        unlink(name, **how)

    store(archive)
    (stored,) = sink.list()
    monkeypatch.setattr(os, "fsync", _sync)
    monkeypatch.setattr(os, "unlink", _unlink)
    sink.delete(stored)
    assert events == ["manifest", "archive", "folder"]


def test_permissions_follow_the_umask(
    umask: None, store: Store, archive: SampleArchive, root: Path
) -> None:
    store(archive)
    paths = list(root.rglob("*"))
    modes = {path.is_dir(): stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert modes == {True: 0o750, False: 0o640}


@pytest.mark.parametrize("reason", ["EPERM", "EOPNOTSUPP", "ENOSYS", "EMLINK"])
def test_file_system_without_hard_links_is_renamed_on(
    reason: str,
    store: Store,
    archive: SampleArchive,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def _link(*_: object, **__: object) -> None:
        raise OSError(getattr(errno, reason), "No links here")

    monkeypatch.setattr(os, "link", _link)
    store(archive)
    assert names(root) == [KEY, f"{KEY}.manifest.json"]
    assert (root / KEY).read_bytes() == archive.content.read(0, SIZE)


def test_nothing_is_overwritten_without_hard_links_either(
    sink: LocalSink, archive: SampleArchive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def _link(source: Path, target: Path, **_: object) -> None:
        (root / KEY).write_bytes(b"someone was faster")
        raise OSError(errno.EPERM, "No links here")

    monkeypatch.setattr(os, "link", _link)
    with pytest.raises(ConflictError, match="exists already; it was not touched"):
        sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert (root / KEY).read_bytes() == b"someone was faster"
    assert names(root) == [KEY]


def test_someone_faster_is_not_overwritten(
    store: Store, archive: SampleArchive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def _link(source: Path, target: Path, **how: Any) -> None:  # noqa: ANN401 - as `os.link`
        (root / KEY).write_bytes(b"someone was faster")
        link(source, target, **how)

    monkeypatch.setattr(os, "link", _link)
    with pytest.raises(ConflictError):
        store(archive)
    assert (root / KEY).read_bytes() == b"someone was faster"


def test_file_system_without_locks_is_used(
    store: Store, archive: SampleArchive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def _no_lock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    left = leave(root, ".0123456789abcdef.labferry-part")
    monkeypatch.setattr(fcntl, "flock", _no_lock)
    store(archive)
    assert names(root) == [left.name, KEY, f"{KEY}.manifest.json"]


def test_leftovers_of_dead_writers_are_swept(
    store: Store, archive: SampleArchive, root: Path
) -> None:
    leave(root, ".0123456789abcdef.labferry-part")
    leave(root, "other/2025/.00ff.labferry-part")
    store(archive)
    assert names(root) == [KEY, f"{KEY}.manifest.json"]


def test_files_that_are_being_written_are_left_alone(
    store: Store, archive: SampleArchive, root: Path
) -> None:
    live = leave(root, "other/.0123456789abcdef.labferry-part")
    with live.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        store(archive)
        assert live.exists()


def test_file_swept_before_it_was_locked_is_begun_again(
    store: Store, archive: SampleArchive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[str] = []
    lock = fcntl.flock

    def _sweep_first(file: BinaryIO, how: int) -> None:
        if not swept and how == fcntl.LOCK_EX:
            swept.append(file.name)
            Path(file.name).unlink()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", _sweep_first)
    store(archive)
    assert len(swept) == 1
    assert names(root) == [KEY, f"{KEY}.manifest.json"]


def test_lock_that_fails_leaves_nothing(
    store: Store, archive: SampleArchive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def _broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", _broken)
    with pytest.raises(TransientError, match="Input/output error"):
        store(archive)
    assert names(root) == []


def test_leftover_that_cannot_be_removed_is_no_failure(
    store: Store, archive: SampleArchive, root: Path
) -> None:
    (root / ".stuck.labferry-part").mkdir()
    store(archive)
    assert names(root) == [KEY, f"{KEY}.manifest.json"]


@pytest.mark.parametrize("name", ["part", ".labferry-part.zip", "x.labferry-part", ".hidden"])
def test_other_peoples_files_are_not_swept(
    name: str, store: Store, archive: SampleArchive, root: Path
) -> None:
    leave(root, name)
    store(archive)
    assert name in names(root)


def test_archive_that_is_there_without_its_manifest_is_committed(
    store: Store, archive: SampleArchive, root: Path
) -> None:
    leave(root, KEY).write_bytes(archive.content.read(0, SIZE))
    before = (root / KEY).stat().st_ino
    store(archive)
    assert (root / KEY).stat().st_ino == before
    assert names(root) == [KEY, f"{KEY}.manifest.json"]
