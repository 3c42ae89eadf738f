"""What is special about a folder as a destination, beyond what every destination must do."""

import errno
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from tests.needs import unwritable_folder

from labferry.sdk import (
    Archive,
    ConflictError,
    FullError,
    IntegrityError,
    InvalidAnswerError,
    NotFoundError,
    Receipt,
    RefusedError,
    Severity,
    Stray,
    StrayKind,
    TransientError,
)
from labferry.sdk.files import Folder
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest
from labferry_local import LocalSettings, LocalSink
from labferry_local.files import PART, begin_forcing

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
def small_files() -> Iterator[None]:
    """No file may grow beyond 64 KiB, as under a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_missing_root_is_not_made(tmp_path: Path, archive: SampleArchive) -> None:
    root = tmp_path / "not mounted"
    sink = LocalSink("nas", LocalSettings(type="local", path=root))
    attempts: list[Callable[[], object]] = [
        lambda: sink.store(archive, SampleManifest(archive), MemoryCheckpoint()),
        lambda: list(sink.list()),
        lambda: list(sink.check()),
    ]
    for attempt in attempts:
        with pytest.raises(NotFoundError) as caught:
            attempt()
        assert str(caught.value) == (
            f"There is no folder {root}. Is its disk mounted? If it is new: mkdir -p '{root}'"
        )
    assert not root.exists()


def test_root_that_vanishes_in_the_middle_is_named(
    store: Store, archive: SampleArchive, root: Path
) -> None:
    def _unmount(_: int) -> None:
        if (root / "sample").exists():
            root.rename(root.with_name("elsewhere"))

    archive.on_read = _unmount
    with pytest.raises(NotFoundError, match="Is the disk mounted"):
        store(archive)


def test_other_content_under_the_name_is_a_conflict(
    store: Store, archive: SampleArchive, root: Path
) -> None:
    leave(root, KEY)
    with pytest.raises(ConflictError, match="exists already with other content"):
        store(archive)
    assert (root / KEY).read_bytes() == b"half of something"
    assert names(root) == [KEY]


def test_other_manifest_under_the_name_is_a_conflict(
    store: Store, archive: SampleArchive, root: Path
) -> None:
    leave(root, f"{KEY}.manifest.json")
    with pytest.raises(ConflictError, match="exists already with other content"):
        store(archive)
    assert (root / f"{KEY}.manifest.json").read_bytes() == b"half of something"


def test_disk_that_holds_other_bytes_than_it_was_given_is_noticed(
    store: Store, archive: SampleArchive, root: Path
) -> None:
    def _damage(offset: int) -> None:
        for path in root.rglob(".*"):
            if offset and path.is_file():
                os.truncate(path, 10)

    archive.on_read = _damage
    archive.content = Content(3 << 20)
    archive.size = archive.content.size
    with pytest.raises(IntegrityError, match="does not hold what was written"):
        store(archive)
    assert names(root) == []


def test_full_disk_leaves_nothing(
    small_files: None, store: Store, archive: SampleArchive, root: Path
) -> None:
    with pytest.raises(FullError, match=r"sample-1\.zip can't be written: the file is too large"):
        store(archive)
    assert names(root) == []


def test_folder_that_may_not_be_written_is_named(archive: SampleArchive, tmp_path: Path) -> None:
    folder = unwritable_folder(tmp_path)
    sink = LocalSink("nas", LocalSettings(type="local", path=folder))
    with pytest.raises(RefusedError, match=r"can't be used: .* write access"):
        sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    with pytest.raises(RefusedError, match=f"{folder} can't be used"):
        list(sink.check())


def test_folder_that_may_not_be_read_is_not_taken_for_an_empty_one(
    sink: LocalSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def _refuse(_: Folder) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Folder, "names", _refuse)
    with pytest.raises(RefusedError):
        list(sink.list())


def test_errors_of_the_archive_are_passed_on(store: Store) -> None:
    failing = SampleArchive(Content(SIZE), arrived=10, error=TransientError("It began anew."))
    with pytest.raises(TransientError, match=r"^It began anew\.$"):
        store(failing)


@pytest.mark.parametrize("key", ["../escaped.zip", "/escaped.zip", "a/../../x.zip", ".a/x.zip", ""])
def test_key_that_leaves_the_folder_is_refused(
    key: str, sink: LocalSink, archive: Archive, root: Path
) -> None:
    archive.key = key
    manifest = SampleManifest(SampleArchive(Content(SIZE)))
    with pytest.raises(InvalidAnswerError):
        sink.store(archive, manifest, MemoryCheckpoint())
    assert names(root.parent) == []


def test_listing_leaves_out_what_is_not_ours(
    sink: LocalSink, store: Store, archive: SampleArchive, root: Path
) -> None:
    store(archive)
    document = SampleManifest(archive).seal()
    for name in ("odd name/x.zip", ".snapshots/x.zip", "-x/x.zip", "ä.zip"):
        leave(root, name)
        leave(root, f"{name}.manifest.json").write_bytes(document)
    leave(root, "huge.zip")
    os.truncate(leave(root, "huge.zip.manifest.json"), 5 << 20)
    leave(root, "folder.zip")
    (root / "folder.zip.manifest.json").mkdir()
    assert [stored.key for stored in sink.list()] == [KEY]


def test_left_out_manifests_are_named(
    sink: LocalSink, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = leave(root, "x.zip.manifest.json")
    assert list(sink.list()) == []
    (message,) = caplog.messages
    assert message.startswith(f"{path} is left out: {path} is not a manifest")


def test_check_tells_how_much_is_free(sink: LocalSink, root: Path) -> None:
    (finding,) = sink.check()
    assert finding.severity is Severity.OK
    assert finding.message.startswith(f"{root} can be written and read; ")
    assert finding.message.endswith(" GB free.")
    assert names(root) == []


def test_check_notices_a_disk_that_does_not_keep_what_is_written(
    sink: LocalSink, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Folder, "read", lambda *_: b"other bytes")
    with pytest.raises(IntegrityError, match="does not hold what was written to it"):
        list(sink.check())
    assert names(root) == []


def test_deleting_removes_the_manifest_first(
    sink: LocalSink, store: Store, archive: SampleArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(archive)
    (stored,) = sink.list()
    removed: list[str] = []
    unlink = Folder.unlink

    def _unlink(folder: Folder, name: str) -> None:
        removed.append(Path(name).suffix)
        unlink(folder, name)

    monkeypatch.setattr(Folder, "unlink", _unlink)
    sink.delete(stored)
    assert removed == [".json", ".zip"]


def test_bandwidth_limit_holds(root: Path) -> None:
    archive = SampleArchive(Content(1_000_000))
    sink = LocalSink("nas", LocalSettings(type="local", path=root, bandwidth_limit=2_000_000))
    begin = time.monotonic()
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert time.monotonic() - begin > 0.1
    assert (root / archive.key).read_bytes() == archive.content.read(0, archive.size)


def test_a_file_that_is_being_written_is_no_stray(sink: LocalSink, root: Path) -> None:
    with Folder.at(root) as folder, folder.new_file("x.zip", suffix=PART) as file:
        file.write(b"half")
        file.flush()
        (name,) = names(root)
        assert list(sink.strays()) == []
        with pytest.raises(TransientError, match="is being written now"):
            sink.remove_stray(Stray(StrayKind.UNFINISHED, name))
        assert names(root) == [name]


def test_a_stray_is_looked_for_below_the_root_only(sink: LocalSink, root: Path) -> None:
    outside = leave(root.parent, ".0123456789abcdef.labferry-part")
    with pytest.raises(InvalidAnswerError):
        sink.remove_stray(Stray(StrayKind.UNFINISHED, f"../{outside.name}"))
    assert outside.exists()


def test_folders_of_others_are_told_as_one(sink: LocalSink, root: Path) -> None:
    leave(root, "odd folder/a")
    leave(root, "odd folder/b")
    leave(root, "notes/c")
    assert {stray.key for stray in sink.strays()} == {"odd folder", "notes/c"}


def test_quick_check_looks_at_the_disk(sink: LocalSink, store: Store, root: Path) -> None:
    store(SampleArchive(Content(SIZE)))
    (stored,) = sink.list()
    (root / KEY).write_bytes(b"short")
    with pytest.raises(IntegrityError, match="has 5 bytes"):
        sink.quick_check(stored)
    (root / KEY).unlink()
    with pytest.raises(NotFoundError):
        sink.quick_check(stored)


def test_a_folder_that_may_not_be_written_holds_its_archives(
    sink: LocalSink, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(SampleArchive(Content(SIZE)))
    (stored,) = sink.list()
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root may do everything
    assert "may not be written" in sink.hold(stored)


def test_large_archive_is_forced_to_the_disk_while_it_is_written(
    sink: LocalSink, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[int, int]] = []

    def note(file: BinaryIO, offset: int, size: int) -> None:
        begun.append((offset, size))
        begin_forcing(file, offset, size)

    monkeypatch.setattr("labferry_local.sink.begin_forcing", note)
    archive = SampleArchive(Content(65 << 20))
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert begun == [(0, 32 << 20), (32 << 20, 32 << 20)]
    assert (root / archive.key).stat().st_size == archive.size
