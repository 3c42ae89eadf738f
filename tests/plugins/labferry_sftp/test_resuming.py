import os
from contextlib import suppress
from pathlib import Path

import pytest
from tests.servers.openssh import OpenSsh

from labferry.sdk import IntegrityError, LabferryError, StrayKind, TransientError
from labferry.testing.samples import FileCheckpoint, MemoryCheckpoint, SampleArchive
from labferry.testing.samples.attempts import Attempt, Recipe
from labferry.testing.sink.killing import run_in_process
from labferry_sftp import SftpSink
from labferry_sftp.transfer import IN_FLIGHT, Pieces

from .trying import check, sample, sink, store

MIB = 1 << 20
SIZE = 40 * MIB + 11
HALF = SIZE // 2


def broken() -> SampleArchive:
    return sample(SIZE, arrived=HALF, error=TransientError("The download stopped."))


def part(folder: Path) -> Path:
    (found,) = folder.rglob(".labferry-*.archive")
    return found


@pytest.fixture
def table(openssh: OpenSsh, tmp_path: Path) -> dict[str, object]:
    folder = tmp_path / "storage"
    folder.mkdir()
    return {**openssh.settings(folder)}


@pytest.fixture
def folder(table: dict[str, object]) -> Path:
    return Path(str(table["path"]))


@pytest.fixture
def note(table: dict[str, object]) -> MemoryCheckpoint:
    """The note of a store that broke off in the middle."""
    checkpoint = MemoryCheckpoint()
    with pytest.raises(TransientError):
        store(table, broken(), checkpoint)
    return checkpoint


def first_offsets(archive: SampleArchive) -> list[int]:
    """Where each reader of the archive begins, as it is stored."""
    offsets: list[int] = []
    archive.on_read = offsets.append
    return offsets


def assert_stored(folder: Path, archive: SampleArchive) -> None:
    stored = folder / archive.key
    assert stored.read_bytes() == archive.content.read(0, archive.size)
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert names == {stored.name, f"{stored.name}.manifest.json"}


def test_killed_process_sends_at_most_the_bytes_in_flight_again(
    table: dict[str, object], folder: Path, tmp_path: Path
) -> None:
    recipe = Recipe.of(SftpSink, dict(table))  # type: ignore[arg-type]
    attempt = Attempt("store", "1", SIZE, str(tmp_path), read_limit=HALF)
    (outcome,) = run_in_process(recipe, [attempt])
    assert outcome.killed
    there = part(folder).stat().st_size
    assert there >= HALF - IN_FLIGHT - MIB
    archive = sample(SIZE)
    offsets = first_offsets(archive)
    store(table, archive, FileCheckpoint(tmp_path / "1.json"))
    assert there in offsets
    assert archive.bytes_read <= SIZE - there + 2 * IN_FLIGHT + MIB
    assert_stored(folder, archive)


def test_only_the_end_is_compared_where_all_is_read_back_later(
    table: dict[str, object], folder: Path, note: MemoryCheckpoint
) -> None:
    archive = sample(SIZE)
    store(table, archive, note)
    assert archive.bytes_read < SIZE
    assert_stored(folder, archive)


def test_server_vouches_for_what_was_there_if_nothing_is_read_back_later(
    table: dict[str, object], folder: Path, note: MemoryCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []
    next_piece = Pieces.next_piece

    def counted(pieces: Pieces) -> bytes:
        piece = next_piece(pieces)
        fetched.append(len(piece))
        return piece

    monkeypatch.setattr(Pieces, "next_piece", counted)
    archive = sample(SIZE)
    store({**table, "upload_check": "size"}, archive, note)
    assert sum(fetched) <= 2 * IN_FLIGHT + MIB  # the end is compared, and the first bytes
    assert_stored(folder, archive)


@pytest.mark.parametrize("change", ["beginning", "end", "longer", "empty", "gone"])
def test_changed_part_is_begun_anew(
    table: dict[str, object], folder: Path, note: MemoryCheckpoint, change: str
) -> None:
    path = part(folder)
    if change == "beginning":
        damage(path, 5)
    elif change == "end":
        damage(path, path.stat().st_size - 1)
    elif change == "longer":
        os.truncate(path, SIZE + 1)
    elif change == "empty":
        os.truncate(path, 0)
    else:
        path.unlink()
    archive = sample(SIZE)
    store(table, archive, note)
    assert_stored(folder, archive)


@pytest.mark.parametrize("check", ["readback", "size", "auto"])
def test_part_that_was_changed_is_found_out_and_begun_anew(
    table: dict[str, object], folder: Path, note: MemoryCheckpoint, check: str
) -> None:
    damage(part(folder), 5 * MIB)
    archive = sample(SIZE)
    with pytest.raises(TransientError, match="begun anew"):
        store({**table, "upload_check": check}, archive, note)
    assert not (folder / archive.key).exists()
    store({**table, "upload_check": check}, archive, note)
    assert_stored(folder, archive)


def test_refused_archive_takes_its_part_along(
    table: dict[str, object], folder: Path, note: MemoryCheckpoint
) -> None:
    with pytest.raises(IntegrityError):
        store(table, sample(SIZE, arrived=HALF, error=IntegrityError("No.")), note)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert note.load() == {}


def test_parts_of_others_are_told_and_left_alone(
    table: dict[str, object], folder: Path, note: MemoryCheckpoint
) -> None:
    forgotten = part(folder)
    others = [forgotten.with_name(name) for name in (".labferry-x", ".other.archive", "notes")]
    for path in others:
        path.touch()
    store(table, sample(job="2"))
    assert all(path.exists() for path in (forgotten, *others))
    made = sink(table)
    kinds = {stray.key.rpartition("/")[2]: stray for stray in made.strays()}
    assert {name: stray.kind for name, stray in kinds.items()} == {
        forgotten.name: StrayKind.UNFINISHED,
        **{path.name: StrayKind.FOREIGN for path in others},
    }
    for stray in kinds.values():
        with suppress(LabferryError):
            made.remove_stray(stray)
    made.close()
    assert not forgotten.exists()
    assert all(path.exists() for path in others)


def test_check_leaves_a_part_alone(
    table: dict[str, object], folder: Path, note: MemoryCheckpoint
) -> None:
    check(table)
    assert part(folder).exists()


def damage(path: Path, offset: int) -> None:
    """Change one byte."""
    with path.open("r+b") as file:
        file.seek(offset)
        (old,) = file.read(1)
        file.seek(offset)
        file.write(bytes([old ^ 1]))
