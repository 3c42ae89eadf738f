"""What is wrong with stdin, stdout or stderr never stops a backup, nor changes its exit code."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.speed import first_quick

from labferry.testing.rspace import SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Source
    from tests.lab import Done, Lab

pytestmark = pytest.mark.slow

CLOSED = ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"]
FULL = [">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"]
# The reader is gone before anything is written.
BROKEN = ["| true", "2>&1 >/dev/null | true", "2>&1 | true"]
ENCODINGS = {
    "latin-1": {"PYTHONIOENCODING": "iso-8859-1"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "POSIX": {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


def run(lab: Lab, arguments: str, streams: str, **environment: str) -> Done:
    """Run labferry as a shell does, with its streams put elsewhere; `out` is its exit code."""
    command = f'{{ sleep 0.2; "{sys.executable}" -m labferry {arguments}; echo $? >&9; }}'
    return lab.run_program("sh", "-c", f"exec 9>&1; {command} {streams}", **environment)


def stored(lab: Lab) -> int:
    with closing(sqlite3.connect(lab.state / "ledger.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return len(lab.archives())


@pytest.mark.parametrize("arguments", ["sync -vv", "sync --json"])
@pytest.mark.parametrize("streams", first_quick([*CLOSED, *FULL, *BROKEN]))
def test_a_backup_is_made_whatever_its_streams_are(
    lab: Lab, server: SimulatedRSpace, source: Source, streams: str, arguments: str
) -> None:
    if arguments == "sync --json" and streams not in {">&-", ">/dev/full", "| true"}:
        return
    lab.write({"lab": source(server)})
    done = run(lab, arguments, streams)
    assert done.out.split()[-1] == "0"
    assert "Exception ignored" not in done.err
    assert stored(lab) == 1


def test_a_failure_keeps_its_exit_code_whatever_its_streams_are(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)}, ["nas", "offsite"])
    lab.destination("offsite").rmdir()
    for streams in (">&- 2>&-", ">/dev/full 2>/dev/full"):
        assert run(lab, "sync", streams).out.split() == ["3"]


@pytest.mark.parametrize("streams", [">&-", ">/dev/full"])
def test_lost_output_fails_a_verb_that_only_prints(lab: Lab, source: Source, streams: str) -> None:
    lab.write({"lab": source("https://rspace.example.edu")}, ["nas"])
    done = run(lab, "status --json", streams)
    assert done.out.split() == ["1"]
    assert "labferry: The output can't be written: " in done.err
    assert run(lab, "verify -v", streams).out.split() == ["0"]


@pytest.mark.parametrize("encoding", first_quick(ENCODINGS))
def test_every_verb_prints_in_any_encoding(
    lab: Lab, server: SimulatedRSpace, source: Source, encoding: str
) -> None:
    lab.write({"lab": source(server)})
    planned = lab.run("sync", "--dry-run", **ENCODINGS[encoding])
    assert planned.code == 0
    assert planned.out.rstrip().endswith("-> nas")
    for arguments in (["check", "-v"], ["sync", "-v"], ["status"], ["list"], ["verify", "-v"]):
        done = lab.run(*arguments, **ENCODINGS[encoding])
        assert done.code == 0, done.err


def test_what_an_encoding_lacks_is_escaped(lab: Lab, source: Source) -> None:
    lab.write({"lab": source("https://rspace.example.edu")}, {"nas": {"path": "nas-ü-→-中"}})
    lost = lab.run("list", **ENCODINGS["ascii"])
    assert lost.code == 1
    assert r"/nas-\xfc-->-\u4e2d. Is its disk mounted?" in lost.err
