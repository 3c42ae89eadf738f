"""What people see while archives come back, and that nobody else sees any of it."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from tests.speed import first_quick

from labferry.testing.rspace import BigArchive, Options

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source
    from tests.lab import Lab

pytestmark = pytest.mark.slow

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SLOW_DISK = """\
import time
from labferry.sdk import hookimpl
from labferry_local.sink import LocalSink

class Slow:
    def __init__(self, file):
        self.file = file

    def read(self, size):
        time.sleep(0.03)
        return self.file.read(size)

    def close(self):
        self.file.close()

class SlowSettings(LocalSink.Settings):
    type: str

class SlowDisk(LocalSink):
    type = "slow"
    Settings = SlowSettings

    def open(self, stored, offset=0):
        return Slow(super().open(stored, offset))

@hookimpl
def labferry_sinks():
    return (SlowDisk,)
"""
VERBS = [("restore", "latest", "--to", "back.zip"), ("verify",), ("drill",)]
MORE_VERBS = [
    *VERBS,
    ("restore", "latest", "--to", "back", "--extract"),
    ("verify", "--contents"),
]
BARS = {"restore": "downloading", "verify": "reading back", "drill": "downloading"}


@pytest.fixture
def slow(lab: Lab, serve: Serve, source: Source) -> Lab:
    """A laboratory with an archive of 30 MB on a disk that is read in a second."""
    folder = lab.folder.parent / "extra"
    info = folder / "labferry_slow-1.2.dist-info"
    info.mkdir(parents=True)
    (folder / "labferry_slow.py").write_text(_SLOW_DISK, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: labferry-slow\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[labferry]\nslow = labferry_slow\n", "utf-8")
    lab.environment["PYTHONPATH"] = str(folder)
    lab.destination().mkdir()
    server = serve(Options(archives=[BigArchive(30_000_000)]))
    lab.write({"lab": source(server)}, {"nas": {"type": "slow", "path": "nas"}})
    done = lab.run("sync")
    assert done.code == 0, done.err
    return lab


@pytest.mark.parametrize("verb", first_quick((verb,) for verb in MORE_VERBS), ids=" ".join)
def test_terminal_shows_how_far_it_is_and_is_left_clean(slow: Lab, verb: tuple[str, ...]) -> None:
    done = slow.run_on_terminal(*verb)

    assert done.code == 0
    shown = ESCAPE.sub("", done.out)
    archive = slow.archives()[0].stem
    assert f"{BARS[verb[0]]} nas: {archive}"[:30] in shown
    assert re.search(r"\d\.\d MB of 30\.0 MB", shown)
    assert done.out.count("\x1b[?25l") == done.out.count("\x1b[?25h") == 1


@pytest.mark.parametrize("verb", first_quick((verb,) for verb in VERBS), ids=" ".join)
def test_no_bars_where_they_are_not_wanted(slow: Lab, verb: tuple[str, ...]) -> None:
    for how in ("--json", "-q"):
        assert "\x1b" not in slow.run_on_terminal(*verb, how).out


@pytest.mark.parametrize("verb", first_quick((verb,) for verb in VERBS), ids=" ".join)
def test_no_bars_where_nobody_looks(slow: Lab, verb: tuple[str, ...]) -> None:
    done = slow.run(*verb, "-v")
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert " of 30.0 MB" not in done.err


def test_what_is_found_stands_above_the_bars(slow: Lab) -> None:
    done = slow.run_on_terminal("verify")
    *_, found, counts = filter(None, ESCAPE.sub("", done.out).splitlines())
    archive = slow.archives()[0].stem
    assert found.endswith(f"nas: {archive} (30.0 MB): good, read-back")
    assert counts.endswith("Copies: 1 good.")


def test_repair_shows_what_it_brings(slow: Lab, source: Source) -> None:
    sinks = {
        "nas": {"type": "slow", "path": "nas"},
        "near": {"type": "slow", "path": "near"},
    }
    slow.destination("near").mkdir()
    slow.write({"lab": source("https://rspace.example.edu")}, sinks)
    (archive,) = slow.archives()

    done = slow.run_on_terminal("verify", "near", archive.stem, "--repair")

    assert done.code == 0
    assert slow.archives("near")[0].read_bytes() == archive.read_bytes()
    shown = ESCAPE.sub("", done.out)
    assert "downloading nas: " in shown
    assert "reading back near: " in shown


@pytest.mark.parametrize("verb", [VERBS[0], VERBS[2]], ids=" ".join)
def test_signal_in_the_middle_is_told_in_a_document_too(slow: Lab, verb: tuple[str, ...]) -> None:
    process = slow.start(*verb, "-v", "--json")
    assert process.stderr is not None
    assert "Restoring " in process.stderr.readline()

    done = slow.end(process, signal.SIGTERM)

    assert done.code == 143
    (problem,) = done.document["problems"]
    assert problem["message"] == "Stopped by a signal."
    assert not (slow.folder / "back.zip").exists()


def test_demo_shows_its_run(lab: Lab) -> None:
    done = lab.run_on_terminal("demo", "../demo")
    assert done.code == 0
    assert "exporting chem-lab: " in ESCAPE.sub("", done.out)
    assert "\x1b" not in lab.run_on_terminal("demo", "../again", "-q").out
