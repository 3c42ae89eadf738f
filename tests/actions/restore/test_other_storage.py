"""From the notebook to a destination and back, over other storages than a folder."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab import environment
from tests.labfiles import LabRam, install

from labferry.testing.rspace import JobTiming, Options, SimulatedRSpace

from .conftest import RestoreLab


@pytest.fixture
def server() -> Iterator[SimulatedRSpace]:
    with SimulatedRSpace(options=Options(timing=JobTiming(queue=0.05, run=0.05))) as server:
        yield server


def test_what_a_sync_stored_comes_back_on_an_empty_machine(
    tmp_path: Path, server: SimulatedRSpace, bytecode: Path
) -> None:
    """What is left of the first machine is its destinations."""
    storage = tmp_path / "storage"
    storage.mkdir()
    (storage / "disk").mkdir()
    destinations = (
        f'[destinations.disk]\ntype = "local"\npath = "{storage}/disk"\n'
        f'[destinations.elsewhere]\ntype = "fsspec"\nurl = "labfiles://{storage}/elsewhere"\n'
    )
    path = install(tmp_path / "drivers")
    variables = environment(tmp_path / "home", bytecode, PYTHONPATH=path)
    first = RestoreLab(tmp_path / "first", variables)
    first.folder.mkdir()
    source = (
        f'state_dir = "state"\n[sources.alice]\ntype = "rspace"\nurl = "{server.url}"\n'
        'api_key = { env = "ALICE_KEY" }\npoll_interval = "20ms"\n'
    )
    first.config.write_text(source + destinations, encoding="utf-8")
    done = first.run("sync")
    assert done.code == 0, done.err
    (listed, other) = first.run("list", "--json").document["archives"]
    assert (listed["destination"], other["destination"]) == ("disk", "elsewhere")
    assert listed["last_verified"] is not None

    empty = RestoreLab(tmp_path / "empty", variables)
    empty.folder.mkdir()
    empty.config.write_text(destinations, encoding="utf-8")
    again = empty.run("list", "--json").document["archives"]
    assert [entry["sha256"] for entry in again] == [listed["sha256"]] * 2
    for name in ("disk", "elsewhere"):
        done = empty.run("restore", "latest", "--from", name, "--to", name, "--extract")
        assert done.code == 0, done.err
    files = empty.files(empty.folder / "disk")
    assert files
    assert files == empty.files(empty.folder / "elsewhere")
    done = empty.run("drill")
    assert done.code == 0, done.err
    assert done.out.count("| good |") == 2
    assert sorted(path.name for path in empty.folder.iterdir()) == [
        *("disk", "elsewhere", "labferry.toml"),
    ]


def test_from_a_storage_that_is_none_of_a_disk(lab: RestoreLab) -> None:
    """fsspec's memory, which is filled here and read through the plugin."""
    put = lab.store("nas")
    root = f"/{uuid.uuid4().hex}"
    memory = LabRam()
    for path in (put.path, put.manifest):
        key = path.relative_to(lab.folder / "nas").as_posix()
        memory.pipe_file(f"{root}/{key}", path.read_bytes())
    table = f'[destinations.memory]\ntype = "fsspec"\nurl = "labram:/{root}"\n'
    lab.config.write_text(table, encoding="utf-8")
    assert lab.restore(put.id).path.read_bytes() == put.content
    memory.rm(root, recursive=True)
