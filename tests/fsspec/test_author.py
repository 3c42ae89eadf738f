import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from fsspec.implementations.local import (
    LocalFileSystem,
)

from labferry.sdk import (
    ConflictError,
    FilePath,
    IntegrityError,
    SinkSettings,
    TransientError,
)
from labferry.sdk.fsspec_sink import FsspecSink
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


def test_copy_that_the_storage_damaged_is_removed_and_reported(
    sink: BoxSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Box, "damages", ".zip")
    archive = _archive()
    with pytest.raises(IntegrityError, match="does not hold what was written"):
        sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert _files(sink) == set()


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


def test_lost_connection_is_made_anew(sink: BoxSink, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = _archive()
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    before = sink._connection
    (stored,) = sink.list()
    monkeypatch.setattr(Box, "fails", [ConnectionResetError("Connection reset by peer")])
    with pytest.raises(TransientError, match="Connection reset by peer"):
        sink.delete(stored)
    sink.delete(stored)
    assert sink._connection is not before
    assert _files(sink) == set()


def test_listings_are_not_remembered(sink: BoxSink) -> None:
    list(sink.list())
    assert sink._connection is not None
    assert sink._connection[0].dircache.use_listings_cache is False  # type: ignore[attr-defined] # fsspec's own


def test_check_tells_that_archives_are_copied(sink: BoxSink) -> None:
    assert any("copied to their final names" in each.message for each in sink.check())


def test_sdk_loads_neither_fsspec_nor_the_sink_over_it() -> None:
    program = (
        "import sys, labferry.sdk, labferry_fsspec; import labferry.sdk.fsspec_sink\n"
        "sys.exit('fsspec' in sys.modules)"
    )
    path = ":".join(filter(None, sys.path))
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, check=False)
    assert done.returncode == 0
