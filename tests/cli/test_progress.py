"""What people see while a sync is at work, and what machines read instead."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from labferry.cli.progress import Bars
from labferry.engine.board import ActivityKind, Board
from labferry.testing.rspace import BigArchive, JobTiming, Options

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Site, Source

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _shown(bars: Bars, width: int) -> list[str]:
    stream = StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None)
    console.print(bars)
    return ESCAPE.sub("", stream.getvalue()).splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_bars_keep_to_the_width_of_the_terminal(width: int) -> None:
    board = Board()
    with (
        board.activity(ActivityKind.EXPORT, "chem-group: the work of group 1234", 100) as export,
        board.activity(ActivityKind.DOWNLOAD, "bio: own work", 5_000_000_000) as download,
        board.activity(ActivityKind.STORE, "nas: 20260102T030405Z-bio-1", 5_000_000_000) as store,
    ):
        export.reach(40)
        download.reach(2_500_000_000)
        store.reach(2_400_000_000)
        lines = _shown(Bars(board), width)
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    assert "40 %" in lines[0]
    assert "of 5.0 GB" in lines[1]


def test_bars_of_what_has_ended_are_gone() -> None:
    board = Board()
    with board.activity(ActivityKind.DOWNLOAD, "bio: own work", 10):
        pass
    assert _shown(Bars(board), 80) in ([], [""])


def test_terminal_shows_bars_and_is_left_clean(site: Site, serve: Serve, source: Source) -> None:
    options = Options(timing=JobTiming(run=1.0), archives=[BigArchive(30_000_000)])
    site.write({"lab": source(serve(options), poll_interval="100ms")}, ["nas", "offsite"])

    done = site.run_on_terminal("sync")

    assert done.code == 0
    assert "exporting lab: work of alice" in done.out
    assert "30.0 MB" in done.out
    assert done.out.count("\x1b[?25l") == done.out.count("\x1b[?25h"), "the cursor is back"
    last = ESCAPE.sub("", done.out).splitlines()[-1]
    assert last.startswith("Exports: 1 stored (30.0 MB); it took ")


def test_no_escape_codes_where_nobody_looks(site: Site, serve: Serve, source: Source) -> None:
    site.write({"lab": source(serve())})
    done = site.run("sync", "-v")
    assert done.code == 0
    assert "\x1b" not in done.out + done.err


def test_dumb_terminal_gets_no_bars(site: Site, serve: Serve, source: Source) -> None:
    site.write({"lab": source(serve())})
    site.environment["TERM"] = "dumb"
    done = site.run_on_terminal("sync")
    assert done.code == 0
    assert "\x1b" not in done.out
