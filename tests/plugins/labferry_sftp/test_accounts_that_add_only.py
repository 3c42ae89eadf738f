"""An account that may add files, but remove none: what an attacker with its key can't do either."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.openssh import OpenSsh

from labferry.sdk import Checked, IntegrityError, JsonValue, RefusedError, TransientError
from labferry.testing.samples import MemoryCheckpoint

from .trying import check, sample, sink, store

MIB = 1 << 20
SIZE = 20 * MIB


@pytest.fixture
def table(tmp_path: Path) -> Iterator[dict[str, JsonValue]]:
    home, folder = tmp_path / "server", tmp_path / "storage"
    home.mkdir()
    folder.mkdir()
    with OpenSsh(home, subsystem="sftp internal-sftp -P remove,rmdir").running() as server:
        yield server.settings(folder)


@pytest.fixture
def folder(table: dict[str, JsonValue]) -> Path:
    return Path(str(table["path"]))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_archives_are_stored_and_can_only_be_read(
    table: dict[str, JsonValue], folder: Path
) -> None:
    archive = sample()
    for _ in range(2):
        assert store(table, archive).checked is Checked.READ_BACK
    name = Path(archive.key).name
    assert files(folder) == [name, f"{name}.manifest.json"]
    made = sink(table)
    (stored,) = made.list()
    with pytest.raises(RefusedError):
        made.delete(stored)
    made.close()
    assert len(files(folder)) == 2


def test_check_says_so(table: dict[str, JsonValue], folder: Path) -> None:
    assert "warning The account may not remove files" in "\n".join(check(table))
    assert len(files(folder)) == 1


def test_broken_upload_is_gone_on_with(table: dict[str, JsonValue], folder: Path) -> None:
    note, stopped = MemoryCheckpoint(), TransientError("The download stopped.")
    with pytest.raises(TransientError):
        store(table, sample(SIZE, arrived=SIZE // 2, error=stopped), note)
    archive = sample(SIZE)
    store(table, archive, note)
    assert archive.bytes_read < SIZE
    assert len(files(folder)) == 2


def test_broken_upload_that_cannot_be_used_stays_and_is_no_obstacle(
    table: dict[str, JsonValue], folder: Path
) -> None:
    note, stopped = MemoryCheckpoint(), TransientError("The download stopped.")
    with pytest.raises(TransientError):
        store(table, sample(SIZE, arrived=SIZE // 2, error=stopped), note)
    (part,) = folder.rglob(".labferry-*.archive")
    part.write_bytes(b"of somebody else")
    store(table, sample(SIZE), note)
    assert len(files(folder)) == 3


def test_refused_archive_stays_refused(table: dict[str, JsonValue], folder: Path) -> None:
    note = MemoryCheckpoint()
    with pytest.raises(IntegrityError, match="No"):
        store(table, sample(SIZE, arrived=SIZE // 2, error=IntegrityError("No.")), note)
    assert note.load() == {}
    assert not list(folder.rglob("*.zip"))
