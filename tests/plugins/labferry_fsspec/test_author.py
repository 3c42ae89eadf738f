import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from fsspec.implementations.local import (
    LocalFileSystem,
)
from typing_extensions import override

from labferry.sdk import (
    ConflictError,
    FilePath,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    SinkSettings,
    StrayKind,
    TransientError,
)
from labferry.sdk.fsspec_files import FileSystem, Following
from labferry.sdk.fsspec_sink import FsspecSink
from labferry.sdk.fsspec_tree import Tree
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest


class BoxSettings(SinkSettings):
    folder: FilePath
    """The folder."""


class Box(LocalFileSystem):  # type: ignore[misc] # fsspec ships no types
    """A storage that fails as its test says."""

    damages: ClassVar[str] = ""
    fails: ClassVar[list[Exception]] = []

    def info(self, path: str, **options: object) -> dict[str, object]:
        if self.fails:
            raise self.fails.pop()
        found: dict[str, object] = super().info(path, **options)
        return found

    def cp_file(self, path1: str, path2: str, **options: object) -> None:
        super().cp_file(path1, path2, **options)
        if self.damages and path2.endswith(self.damages):
            Path(path2).write_bytes(b"damaged")


class BoxSink(FsspecSink[BoxSettings]):
    """What an author writes."""

    type = "box"
    Settings = BoxSettings

    def connect(self) -> tuple[Box, str]:
        return Box(skip_instance_cache=True), str(self.settings.folder)


class RenamingSink(BoxSink):
    """A storage that renames in one step, and writes other bytes than it is given."""

    renames = True

    @override
    def write(self, filesystem: FileSystem, path: str, archive: Following, size: int) -> None:
        super().write(filesystem, path, archive, size)
        if path.endswith(".archive"):
            Path(path).write_bytes(bytes(size))


@pytest.fixture
def sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoxSink:
    monkeypatch.setattr(Box, "damages", "")
    monkeypatch.setattr(Box, "fails", [])
    return BoxSink("box", BoxSettings(type="box", folder=tmp_path / "box"))


def _archive() -> SampleArchive:
    return SampleArchive(Content(100_000))


def _files(sink: BoxSink) -> set[str]:
    folder = sink.settings.folder
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_author_names_a_filesystem_and_a_root(sink: BoxSink) -> None:
    archive = _archive()
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    (stored,) = sink.list()
    with sink.open(stored) as file:
        assert file.read() == archive.content.read(0, archive.size)
    assert _files(sink) == {archive.key, archive.key + ".manifest.json"}


def test_copy_that_the_storage_damaged_is_reported_and_replaced_by_the_next_store(
    sink: BoxSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Box, "damages", ".zip")
    archive, note = _archive(), MemoryCheckpoint()
    with pytest.raises(IntegrityError, match="does not hold what was written"):
        sink.store(archive, SampleManifest(archive), note)
    assert _files(sink) == {archive.key}
    assert list(sink.list()) == []
    monkeypatch.setattr(Box, "damages", "")
    sink.store(archive, SampleManifest(archive), note)
    assert _files(sink) == {archive.key, archive.key + ".manifest.json"}
    assert note.load() == {}


def test_what_was_written_wrongly_is_not_renamed_to_its_final_name(sink: BoxSink) -> None:
    archive, renaming = _archive(), RenamingSink("box", sink.settings)
    with pytest.raises(IntegrityError, match="does not hold what was written"):
        renaming.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert _files(sink) == set()


def test_copy_that_was_committed_with_other_bytes_is_not_called_stored(sink: BoxSink) -> None:
    archive, other = _archive(), SampleArchive(Content(100_000, "other bytes"))
    assert (other.id, other.size) == (archive.id, archive.size)
    sink.store(other, SampleManifest(other), MemoryCheckpoint())
    with pytest.raises(IntegrityError, match="is not what was stored there"):
        sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    place = sink.settings.folder / archive.key
    assert place.read_bytes() == other.content.read(0, other.size)


def test_own_half_copy_is_replaced_after_a_crash(sink: BoxSink) -> None:
    archive = _archive()
    place = sink.settings.folder / archive.key
    place.parent.mkdir(parents=True)
    place.write_bytes(archive.content.read(0, 1000))
    note = MemoryCheckpoint({"copying": archive.key})
    sink.store(archive, SampleManifest(archive), note)
    assert place.stat().st_size == archive.size
    assert note.load() == {}


def test_half_copy_without_a_note_is_somebody_elses(sink: BoxSink) -> None:
    archive = _archive()
    place = sink.settings.folder / archive.key
    place.parent.mkdir(parents=True)
    place.write_bytes(archive.content.read(0, 1000))
    with pytest.raises(ConflictError, match="exists with other content"):
        sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert place.stat().st_size == 1000


def test_refused_copy_leaves_what_another_store_published(
    sink: BoxSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, other = _archive(), BoxSink("box", sink.settings)
    copy = Box.cp_file

    def overtaken(box: Box, path1: str, path2: str) -> None:
        monkeypatch.setattr(Box, "cp_file", copy)
        other.store(archive, SampleManifest(archive), MemoryCheckpoint())
        raise FileExistsError(path2)

    monkeypatch.setattr(Box, "cp_file", overtaken)
    with pytest.raises(LabferryError):
        sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert _files(sink) == {archive.key, archive.key + ".manifest.json"}


def test_own_half_copy_is_left_alone_once_it_is_committed(
    sink: BoxSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, other = _archive(), BoxSink("box", sink.settings)
    place = sink.settings.folder / archive.key
    place.parent.mkdir(parents=True)
    place.write_bytes(archive.content.read(0, 1000))
    sha256 = Tree.sha256

    def overtaken(tree: Tree, path: str) -> str:
        monkeypatch.setattr(Tree, "sha256", sha256)
        place.unlink()
        other.store(archive, SampleManifest(archive), MemoryCheckpoint())
        return "0" * 64

    place.write_bytes(bytes(archive.size))
    monkeypatch.setattr(Tree, "sha256", overtaken)
    with pytest.raises(TransientError, match="by somebody else meanwhile"):
        sink.store(archive, SampleManifest(archive), MemoryCheckpoint({"copying": archive.key}))
    assert place.read_bytes() == archive.content.read(0, archive.size)


def test_archive_that_vanishes_while_it_is_committed_is_not_called_stored(
    sink: BoxSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = _archive()
    place = sink.settings.folder / archive.key
    draft = SampleManifest(archive)
    draft.on_seal = place.unlink
    with pytest.raises(TransientError, match="vanished"):
        sink.store(archive, draft, MemoryCheckpoint())
    assert _files(sink) == set()


def test_temporaries_of_others_are_told_and_left_alone(sink: BoxSink) -> None:
    archive, root = _archive(), sink.settings.folder
    theirs = root / archive.key.rpartition("/")[0] / f".labferry-{'ab' * 8}.archive"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"half")
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert theirs.exists()
    (stray,) = sink.strays()
    assert (stray.kind, root / stray.key, stray.size) == (StrayKind.UNFINISHED, theirs, 4)
    assert stray.since is not None
    with pytest.raises(InvalidAnswerError):
        sink.remove_stray(replace(stray, key=f"../{theirs.name}"))
    sink.remove_stray(stray)
    assert not theirs.exists()


def test_own_temporaries_of_a_store_that_was_killed_are_removed(sink: BoxSink) -> None:
    archive, token = _archive(), "ab" * 8
    folder = sink.settings.folder / archive.key.rpartition("/")[0]
    folder.mkdir(parents=True)
    for what in ("archive", "manifest"):
        (folder / f".labferry-{token}.{what}").write_bytes(b"half")
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint({"part": token}))
    assert _files(sink) == {archive.key, archive.key + ".manifest.json"}


def test_quick_check_of_what_is_gone(sink: BoxSink) -> None:
    archive = _archive()
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    (stored,) = sink.list()
    (sink.settings.folder / archive.key).unlink()
    with pytest.raises(NotFoundError, match="any more"):
        sink.quick_check(stored)


def test_lost_connection_is_made_anew(sink: BoxSink, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = _archive()
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    before = sink._tree.connection
    (stored,) = sink.list()
    monkeypatch.setattr(Box, "fails", [ConnectionResetError("Connection reset by peer")])
    with pytest.raises(TransientError, match="Connection reset by peer"):
        sink.delete(stored)
    sink.delete(stored)
    assert sink._tree.connection is not before
    assert _files(sink) == set()


def test_listings_are_not_remembered(sink: BoxSink) -> None:
    list(sink.list())
    assert sink._tree.connection is not None
    assert sink._tree.connection[0].dircache.use_listings_cache is False  # type: ignore[attr-defined] # fsspec's own


def test_check_tells_that_archives_are_copied(sink: BoxSink) -> None:
    assert any("copied to their final names" in each.message for each in sink.check())


def test_bandwidth_limit_holds(tmp_path: Path) -> None:
    archive = SampleArchive(Content(1_000_000))
    settings = BoxSettings(type="box", folder=tmp_path, bandwidth_limit=2_000_000)
    begin = time.monotonic()
    BoxSink("box", settings).store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert time.monotonic() - begin > 0.1
    assert (tmp_path / archive.key).read_bytes() == archive.content.read(0, archive.size)


def test_sdk_loads_neither_fsspec_nor_the_sink_over_it() -> None:
    program = (
        "import sys, labferry.sdk, labferry_fsspec; import labferry.sdk.fsspec_sink\n"
        "sys.exit('fsspec' in sys.modules)"
    )
    path = ":".join(filter(None, sys.path))
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, check=False)
    assert done.returncode == 0
