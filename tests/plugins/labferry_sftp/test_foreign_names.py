"""What others put among the archives, under names that are no UTF-8 or that harm a terminal."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.servers.openssh import OpenSsh

from .trying import sample, sink, store

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# A folder at the top; and in the archives' folder a file, one that looks like a manifest, and one
# whose name would paint the terminal.
_FOLDER = b"caf\xe9"
_FILES = (b"na\xefve.txt", b"20260101T000000Z-\xff.manifest.json", b"\x1b[31mred")


@pytest.fixture
def table(openssh: OpenSsh, tmp_path: Path) -> dict[str, object]:
    """A destination that holds one archive, and what others put there."""
    folder = tmp_path / "archives"
    folder.mkdir()
    table = openssh.settings(folder)
    archive = sample()
    store(table, archive)
    (folder / os.fsdecode(_FOLDER)).mkdir()
    for name in _FILES:
        (folder / archive.key).with_name(os.fsdecode(name)).write_bytes(b"hello")
    return {**table}


@pytest.fixture
def run(table: dict[str, object], tmp_path: Path) -> Run:
    """The command, with that destination."""
    config = tmp_path / "labferry.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    config.write_text("\n".join(["[destinations.nas]", *lines, "retention = { keep_last = 9 }"]))

    def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "labferry", *arguments, "-c", str(config)],
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    return command


def test_archives_and_strays_are_all_found(table: dict[str, object]) -> None:
    made = sink(table)
    assert len(list(made.list())) == 1
    strays = {os.fsencode(stray.key.rpartition("/")[2]): stray for stray in made.strays()}
    made.close()
    assert strays.keys() == {_FOLDER, *_FILES}
    assert strays[_FILES[0]].size == 5


def test_list_shows_them_escaped(run: Run) -> None:
    done = run("list", "--all")
    assert done.returncode == 0, done.stderr
    for name in (r"caf\udce9", r"na\udcefve.txt", r"\x1b[31mred"):
        assert name in done.stdout
    assert "\x1b" not in done.stdout


def test_json_gives_them_as_python_reads_them(run: Run) -> None:
    done = run("list", "--all", "--json")
    assert done.returncode == 0, done.stderr
    keys = [os.fsencode(each["key"]) for each in json.loads(done.stdout)["strays"]]
    assert _FOLDER in keys


def test_prune_tells_of_what_looks_like_a_manifest(run: Run) -> None:
    done = run("prune", "--dry-run", "-v")
    assert done.returncode == 0, done.stderr
    assert r"20260101T000000Z-\udcff.manifest.json" in done.stdout


def test_verify_reads_the_archive_and_tells_of_the_manifest_without_one(run: Run) -> None:
    done = run("verify", "-v")
    assert "Copies: 1 good" in done.stdout
    assert r"20260101T000000Z-\udcff.manifest.json is gone" in done.stderr
