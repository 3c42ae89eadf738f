"""A destination that others can write to: links, FIFOs and folders put in the place of ours."""

import errno
import fcntl
import logging
import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from labferry.sdk import (
    Checked,
    ConflictError,
    LabferryError,
    NotFoundError,
    Receipt,
    Severity,
    StoredArchive,
    Stray,
    StrayKind,
)
from labferry.testing.samples import Content, SampleArchive, SampleManifest
from labferry_local import LocalSink, mounts

Store = Callable[..., Receipt]

KEY = "sample/2026/20260102T030405Z-sample-1.zip"
PART = ".0123456789abcdef.labferry-part"

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def stored(sink: LocalSink, store: Store) -> StoredArchive:
    store(SampleArchive(Content(1000)))
    (found,) = sink.list()
    return found


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of root's that looks like one of ours."""
    folder = tmp_path / "root's" / "2026"
    folder.mkdir(parents=True)
    for suffix in ("", ".manifest.json"):
        (folder / f"{Path(KEY).name}{suffix}").write_bytes(b"precious")
    return folder.parent


def contents(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("part", ["sample", "sample/2026"])
def test_a_folder_that_became_a_link_is_refused_by_every_verb(
    part: str, sink: LocalSink, store: Store, stored: StoredArchive, root: Path, tmp_path: Path
) -> None:
    (root / part).rename(tmp_path / "other disk")
    (root / part).symlink_to(tmp_path / "other disk")
    before = sorted((tmp_path / "other disk").rglob("*"))
    stray = Stray(StrayKind.UNFINISHED, f"sample/2026/{PART}")
    attempts: list[Callable[[], object]] = [
        lambda: store(SampleArchive(Content(1000))),
        lambda: list(sink.list()),
        lambda: sink.open(stored),
        lambda: sink.quick_check(stored),
        lambda: sink.delete(stored),
        lambda: list(sink.strays()),
        lambda: sink.remove_stray(stray),
    ]
    for attempt in attempts:
        with pytest.raises(ConflictError) as caught:
            attempt()
        assert caught.value.message == (f"{root / part} can't be used: it is a link, not a folder.")
    assert sorted((tmp_path / "other disk").rglob("*")) == before


def test_what_is_beside_a_link_is_listed_all_the_same(
    sink: LocalSink, stored: StoredArchive, root: Path, tmp_path: Path
) -> None:
    (root / "sample").rename(tmp_path / "other disk")
    (root / "a").symlink_to(tmp_path / "other disk")
    (tmp_path / "other disk").rename(root / "sample")
    (tmp_path / "empty").mkdir()
    (root / "empty").symlink_to(tmp_path / "empty")
    (root / "latest").symlink_to(root / "sample")
    (root / "loop").symlink_to("loop")
    assert [each.key for each in sink.list()] == [KEY]


def test_nothing_is_deleted_through_a_folder_that_was_swapped_at_the_last_moment(
    sink: LocalSink, stored: StoredArchive, root: Path, precious: Path
) -> None:
    """A FIFO as manifest tells an attacker exactly when to swap the folder."""
    manifest = root / f"{KEY}.manifest.json"
    document = manifest.read_bytes()
    manifest.unlink()
    os.mkfifo(manifest)

    def swap() -> None:
        with suppress(BrokenPipeError), manifest.open("wb", buffering=0) as pipe:
            (root / "sample").rename(root / "was")
            (root / "sample").symlink_to(precious)
            pipe.write(document)

    attacker = threading.Thread(target=swap, daemon=True)
    attacker.start()
    with pytest.raises(ConflictError, match="it is a FIFO, not a file"):
        sink.delete(stored)
    while attacker.is_alive():  # it may still wait for somebody who reads
        os.close(os.open(manifest, os.O_RDONLY | os.O_NONBLOCK))
        attacker.join(0.01)
    assert contents(precious) == {b"precious"}


def test_deleting_looks_at_the_manifest_again(
    sink: LocalSink, store: Store, stored: StoredArchive, root: Path
) -> None:
    other = SampleArchive(Content(2000))
    manifest = root / f"{KEY}.manifest.json"
    manifest.write_bytes(SampleManifest(other).seal())
    with pytest.raises(ConflictError, match="belongs to another archive than when it was listed"):
        sink.delete(stored)
    assert (root / KEY).exists()


def test_an_unreadable_manifest_does_not_keep_its_archive_for_ever(
    sink: LocalSink, stored: StoredArchive, root: Path
) -> None:
    (root / f"{KEY}.manifest.json").write_bytes(b"\0")
    sink.delete(stored)
    assert not [path for path in root.rglob("*") if path.is_file()]


def test_deleting_from_a_disk_that_is_not_there_is_no_success(
    sink: LocalSink, stored: StoredArchive, root: Path
) -> None:
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(NotFoundError, match="There is no folder"):
        sink.delete(stored)


def test_nothing_is_written_or_swept_through_a_link(
    store: Store, root: Path, precious: Path
) -> None:
    (precious / PART).write_bytes(b"precious")
    (root / "other").symlink_to(precious)
    (root / PART).symlink_to(precious / PART)
    store(SampleArchive(Content(1000)))
    assert (precious / PART).exists()


def test_a_folder_that_is_swapped_while_it_is_written_to_is_noticed(
    store: Store, root: Path, precious: Path
) -> None:
    archive = SampleArchive(Content(1000))

    def swap(_: int) -> None:
        if not (root / "sample").is_symlink():
            (root / "sample").rename(root / "was")
            (root / "sample").symlink_to(precious)

    archive.on_read = swap
    with pytest.raises(ConflictError, match="it is a link, not a folder"):
        store(archive)
    assert contents(precious) == {b"precious"}
    assert not [path for path in (root / "was").rglob("*") if path.is_file()]


def _socket_like(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


_PLANTED: dict[str, Callable[[Path], None]] = {
    "a FIFO": os.mkfifo,
    "a socket": _socket_like,
    "a link": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", _PLANTED)
def test_what_is_planted_under_names_of_ours_hangs_nothing(
    kind: str,
    sink: LocalSink,
    store: Store,
    root: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plant = _PLANTED[kind]
    (root / "a/2026").mkdir(parents=True)
    for name in ("x.zip", "x.zip.manifest.json", PART, ".0123456789abcdef.labferry-check"):
        plant(root / "a/2026" / name)
    (root / "a/2026/y.zip.manifest.json").write_bytes(
        SampleManifest(SampleArchive(Content(1))).seal()
    )
    plant(root / "a/2026/y.zip")
    store(SampleArchive(Content(1000)))
    with caplog.at_level(logging.WARNING):
        assert [each.key for each in sink.list()] == [KEY]
    assert f"it is {kind}, not a file" in caplog.text
    kinds = {stray.key.rpartition("/")[2]: stray.kind for stray in sink.strays()}
    assert kinds[PART] is StrayKind.FOREIGN
    with pytest.raises(LabferryError):
        sink.remove_stray(Stray(StrayKind.UNFINISHED, f"a/2026/{PART}"))
    assert os.path.lexists(root / "a/2026" / PART)
    list(sink.check())


@pytest.mark.parametrize("suffix", ["", ".manifest.json"])
@pytest.mark.parametrize("kind", _PLANTED)
def test_what_is_planted_under_the_very_name_is_a_conflict(
    kind: str, suffix: str, store: Store, root: Path
) -> None:
    (root / KEY).parent.mkdir(parents=True)
    _PLANTED[kind](root / f"{KEY}{suffix}")
    with pytest.raises(ConflictError, match=f"it is {kind}, not a file"):
        store(SampleArchive(Content(1000)))


def test_a_manifest_without_its_archive_is_named_in_words(
    sink: LocalSink, stored: StoredArchive, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / KEY).unlink()
    assert list(sink.list()) == []
    assert caplog.messages == [
        f"{root / KEY}.manifest.json is left out: there is no archive beside it."
    ]


def test_a_folder_that_may_not_be_read_is_named_and_the_rest_is_listed(
    sink: LocalSink,
    stored: StoredArchive,
    root: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (root / "private").mkdir()
    real = os.open

    def _refuse(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "private":
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", _refuse)
    assert [each.key for each in sink.list()] == [KEY]
    assert caplog.messages == [f"{root / 'private'} is left out: Permission denied."]


_EVERYWHERE = (
    "#recycle/x.zip",
    "$RECYCLE.BIN/S-1/x",
    ".DS_Store",
    ".Trash-1000/files/x",
    ".nfs0000000000000001",
    ".snapshot/nightly/x.zip",
    ".zfs/snapshot/x",
    "@Recycle/x",
    "System Volume Information/x",
    "Thumbs.db",
    "lost+found/x",
    "sample/2026/._20260102T030405Z-sample-1.zip",
    "sample/2026/@eaDir/20260102T030405Z-sample-1.zip/SYNO",
)


def test_what_a_nas_puts_everywhere_is_neither_walked_nor_a_stray(
    sink: LocalSink, stored: StoredArchive, root: Path
) -> None:
    document = (root / f"{KEY}.manifest.json").read_bytes()
    for name in _EVERYWHERE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
        (root / name).with_name(".aa.labferry-part").write_bytes(b"x")
        if name.endswith("x.zip"):
            (root / f"{name}.manifest.json").write_bytes(document)
    (root / "notes.txt").touch()
    assert [each.key for each in sink.list()] == [KEY]
    told = {stray.key for stray in sink.strays()}
    assert told == {"notes.txt", ".aa.labferry-part", "sample/2026/.aa.labferry-part"}


@pytest.fixture
def as_on_nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exclusive lock needs a file that is open for writing; no folder can be forced."""
    flock, fsync = fcntl.flock, os.fsync

    def _flock(file: int, how: int) -> None:
        writes = fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
        if how & fcntl.LOCK_EX and not writes:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(file, how)

    def _fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(fcntl, "flock", _flock)
    monkeypatch.setattr(os, "fsync", _fsync)


def test_on_nfs_parts_of_killed_runs_are_shown_and_swept_and_archives_deleted(
    as_on_nfs: None, sink: LocalSink, store: Store, root: Path
) -> None:
    (root / PART).write_bytes(b"half")
    assert [stray.key for stray in sink.strays()] == [PART]
    store(SampleArchive(Content(1000)))
    assert not (root / PART).exists()
    fine, warning = sink.check()
    assert (fine.severity, warning.severity) == (Severity.OK, Severity.WARNING)
    assert "can't force a folder to its disk" in warning.message
    (found,) = sink.list()
    sink.delete(found)
    assert list(sink.list()) == []


_TABLE = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:50 / {root} rw,nosuid - {kind} gdrive: rw,user_id=0
31 22 0:51 / /else\\040where rw - fuse.rclone other: rw
a line that is none
"""


@pytest.fixture
def mounted(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def mount(kind: str) -> None:
        table = tmp_path / "mountinfo"
        table.write_text(_TABLE.format(root=str(root).replace(" ", "\\040"), kind=kind))
        monkeypatch.setattr(mounts, "_TABLE", table)

    return mount


@pytest.mark.parametrize("kind", ["fuse.rclone", "fuse.s3fs", "fuse", "coda"])
def test_a_mount_that_may_write_later_is_named_and_trusted_no_further(
    kind: str, sink: LocalSink, store: Store, root: Path, mounted: Callable[[str], None]
) -> None:
    mounted(kind)
    assert store(SampleArchive(Content(1000))).checked is Checked.SIZE
    _, warning = sink.check()
    assert warning.severity is Severity.WARNING
    assert f"{root} is on gdrive: ({kind})" in warning.message


@pytest.mark.parametrize("kind", ["fuseblk", "fuse.mergerfs", "nfs4", "cifs", "9p", "xfs"])
def test_other_mounts_are_trusted(
    kind: str, sink: LocalSink, store: Store, mounted: Callable[[str], None]
) -> None:
    mounted(kind)
    assert store(SampleArchive(Content(1000))).checked is Checked.READ_BACK
    assert [each.severity for each in sink.check()] == [Severity.OK]


def test_a_loose_cache_is_told_from_a_strict_one() -> None:
    point = Path("/mnt")
    loose = mounts.Mount(point, "9p", "host", frozenset({"rw", "cache=loose"}))
    strict = mounts.Mount(point, "9p", "host", frozenset({"rw", "cache=none"}))
    assert (loose.may_write_later, strict.may_write_later) == (True, False)


def test_a_machine_without_a_table_of_mounts_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "_TABLE", tmp_path / "missing")
    assert mounts.mount_of(tmp_path) is None
