"""Answers of servers that cannot be installed here, given by a small server of the tests."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from tests.servers.odd_sftp import Oddities, OddSftp

from labferry.sdk import Checked, LabferryError, TransientError
from labferry.testing.samples import MemoryCheckpoint, SampleManifest
from labferry_sftp import hashing

from .trying import check, sample, sink, store

MIB = 1 << 20
SIZE = 3 * MIB + 7

Start = Callable[[Oddities], OddSftp]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server with these oddities."""
    numbers = itertools.count()
    with ExitStack() as servers:

        def started(oddities: Oddities) -> OddSftp:
            home = tmp_path / f"server-{next(numbers)}"
            home.mkdir()
            return servers.enter_context(OddSftp(home, oddities).running())

        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "storage"
    path.mkdir()
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def assert_works(server: OddSftp, folder: Path, check_by: str = "readback") -> None:
    """Everything that a destination is used for."""
    table = server.settings(folder, upload_check=check_by)
    assert check(table)
    archive = sample(SIZE)
    store(table, archive)
    assert names(folder) == {Path(archive.key).name, f"{Path(archive.key).name}.manifest.json"}
    made = sink(table)
    (stored,) = made.list()
    assert stored.size == SIZE
    with made.open(stored) as reader:
        assert reader.read() == archive.content.read(0, SIZE)
    made.quick_check(stored)
    assert list(made.strays()) == []
    made.delete(stored)
    made.delete(stored)  # it is gone already
    assert list(made.list()) == []
    made.close()
    assert names(folder) == set()


@pytest.mark.parametrize(
    "oddities",
    [
        Oddities(),
        Oddities(attributes="no type bits"),
        Oddities(attributes="no mode"),
        Oddities(attributes="no size"),
        Oddities(attributes="nothing"),
        Oddities(missing_is_failure=True),
        Oddities(attributes="nothing", missing_is_failure=True),
        Oddities(never_syncs=True),
        Oddities(refuses_exclusive=True),
        Oddities(renames_small_only=True),
        Oddities(renames_small_only=True, without_links=True),
        Oddities(without_overwriting=True),
    ],
    ids=str,
)
def test_server_can_be_used(start: Start, folder: Path, oddities: Oddities) -> None:
    assert_works(start(oddities), folder)


def test_failure_to_sync_counts_if_the_server_syncs_other_files(start: Start, folder: Path) -> None:
    server = start(Oddities(syncs_small_only=True))
    with pytest.raises(TransientError, match="Forcing"):
        store(server.settings(folder), sample(SIZE))
    assert not list(folder.rglob("*.zip"))


def test_server_that_renames_small_files_only_is_named_and_nothing_is_sent_again(
    start: Start, folder: Path
) -> None:
    server = start(Oddities(renames_small_only=True, without_links=True, without_overwriting=True))
    table, note = server.settings(folder), MemoryCheckpoint()
    changed = []
    for _ in range(2):
        with pytest.raises(TransientError, match="can't rename this file"):
            store(table, sample(SIZE), note)
        (part,) = folder.rglob(".labferry-*.archive")
        changed.append((part.name, part.stat().st_mtime_ns))
    assert len(set(changed)) == 1
    assert not list(folder.rglob("*.zip"))


@pytest.mark.parametrize("commands", ["never answer", "hang up"])
def test_server_that_does_not_answer_commands_is_asked_once_and_read_back(
    start: Start, folder: Path, commands: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "_ASKING_SECONDS", 1.0)
    server = start(Oddities(commands=commands))  # type: ignore[arg-type]
    made, begin = sink(server.settings(folder, upload_check="auto")), time.monotonic()
    for job in "12":
        archive = sample(SIZE, job=job)
        receipt = made.store(archive, SampleManifest(archive), MemoryCheckpoint())
        assert receipt.checked is Checked.READ_BACK
        with suppress(LabferryError):
            made.close()
    for stored in made.list():
        assert made.quick_check(stored) is Checked.SIZE
    made.close()
    assert server.commands == ["sha256sum"]
    assert time.monotonic() - begin < 15
