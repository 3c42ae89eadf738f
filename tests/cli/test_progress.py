"""What people see while a sync is at work, and what machines read instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from labferry.cli.progress import Bars
from labferry.runtime.progress import ActivityKind, Progress
from labferry.testing.rspace import BigArchive, JobTiming, Options

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source
    from tests.lab import Lab

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the progress and of the bars."""
    clock = Clock()
    monkeypatch.setattr("labferry.runtime.progress.time", clock)
    monkeypatch.setattr("labferry.cli.progress.time", clock)
    return clock


def _texts(progress: Progress) -> list[str]:
    """What the bars of a progress say, without the bars."""
    return [re.sub(r"[━╸╺ ]+", " ", line).strip() for line in _shown(Bars(progress), 120)]


def _shown(bars: Bars, width: int) -> list[str]:
    stream = StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None)
    console.print(bars)
    return ESCAPE.sub("", stream.getvalue()).splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_bars_keep_to_the_width_of_the_terminal(width: int) -> None:
    progress = Progress()
    with (
        progress.activity(ActivityKind.EXPORT, "chem-group: the work of group 1234", 100) as export,
        progress.activity(ActivityKind.DOWNLOAD, "bio: own work", 5_000_000_000) as download,
        progress.activity(
            ActivityKind.STORE, "nas: 20260102T030405Z-bio-1", 5_000_000_000
        ) as store,
    ):
        export.reach(40)
        download.reach(2_500_000_000)
        store.reach(2_400_000_000)
        lines = _shown(Bars(progress), width)
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    assert "40 %" in lines[0]
    assert "of 5.0 GB" in lines[1]


def test_bars_of_what_has_ended_are_gone() -> None:
    progress = Progress()
    with progress.activity(ActivityKind.DOWNLOAD, "bio: own work", 10):
        pass
    assert _shown(Bars(progress), 80) in ([], [""])


def test_a_transfer_has_a_rate_and_an_end_that_can_be_foreseen(clock: Clock) -> None:
    progress = Progress()
    with progress.activity(ActivityKind.STORE, "nas: a-1", 600_000_000) as store:
        store.reach(0)
        assert _texts(progress) == ["storing nas: a-1 0 bytes of 600.0 MB"]
        for _ in range(20):
            clock.now += 1
            store.reach(store.done + 5_000_000)
        assert _texts(progress) == ["storing nas: a-1 100.0 MB of 600.0 MB 5.0 MB/s 2 min left"]


def test_a_transfer_that_stands_still_is_seen_to(clock: Clock) -> None:
    progress = Progress()
    with progress.activity(ActivityKind.DOWNLOAD, "lab: own work", 600_000_000) as download:
        for done in range(60):
            clock.now += 1
            download.reach(done * 5_000_000)
        clock.now += 10
        assert _texts(progress) == ["downloading lab: own work 295.0 MB of 600.0 MB 0 bytes/s"]


def test_a_transfer_that_is_taken_up_again_is_no_faster_for_that(clock: Clock) -> None:
    progress = Progress()
    with progress.activity(ActivityKind.DOWNLOAD, "lab: own work", 600_000_000) as download:
        download.reach(500_000_000)
        clock.now += 5
        download.reach(505_000_000)
        assert "1.0 MB/s" in _texts(progress)[0]


def test_an_export_is_foreseen_from_all_of_its_past(clock: Clock) -> None:
    """Its server tells of its progress in leaps."""
    progress = Progress()
    with progress.activity(ActivityKind.EXPORT, "lab: own work", 100) as export:
        export.reach(0)
        clock.now += 600
        export.reach(25)
        clock.now += 300
        assert _texts(progress) == ["exporting lab: own work 25 % 45 min left"]


@pytest.mark.parametrize("kind", [ActivityKind.STORE, ActivityKind.DOWNLOAD])
def test_what_is_complete_and_not_over_is_being_checked(clock: Clock, kind: ActivityKind) -> None:
    progress = Progress()
    with progress.activity(kind, "nas: a-1", 600_000_000) as activity:
        activity.reach(0)
        clock.now += 5
        activity.reach(600_000_000)
        assert _texts(progress) == ["checking nas: a-1 600.0 MB"]


@pytest.mark.parametrize("done", [99.7, 99.999, 100, 101])
def test_nothing_is_ever_said_to_end_in_no_time(clock: Clock, done: float) -> None:
    progress = Progress()
    with (
        progress.activity(ActivityKind.EXPORT, "lab: own work", 100) as export,
        progress.activity(ActivityKind.VERIFY, "nas: a-1", 100) as verify,
    ):
        for activity in (export, verify):
            activity.reach(0)
        clock.now += 10
        for activity in (export, verify):
            activity.reach(done)
        assert not any("left" in line for line in _texts(progress))
        assert ("100 %" in _texts(progress)[0]) == (done >= 100)


def test_bars_have_no_colours_where_none_are_wanted(lab: Lab, serve: Serve, source: Source) -> None:
    options = Options(timing=JobTiming(run=1.0))
    lab.write({"lab": source(serve(options), poll_interval="100ms")})
    lab.environment |= {"TERM": "xterm-256color", "NO_COLOR": "1"}

    shown = lab.run_on_terminal("sync").out

    assert "exporting lab: work of alice" in shown
    assert "━" in shown
    codes = {code for codes in re.findall(r"\x1b\[([0-9;]*)m", shown) for code in codes.split(";")}
    assert not {code for code in codes if code.startswith(("3", "4", "9", "10"))}


def test_terminal_shows_bars_and_is_left_clean(lab: Lab, serve: Serve, source: Source) -> None:
    options = Options(timing=JobTiming(run=1.0), archives=[BigArchive(30_000_000)])
    lab.write({"lab": source(serve(options), poll_interval="100ms")}, ["nas", "offsite"])

    done = lab.run_on_terminal("sync")

    assert done.code == 0
    assert "exporting lab: work of alice" in done.out
    assert "30.0 MB" in done.out
    assert done.out.count("\x1b[?25l") == done.out.count("\x1b[?25h"), "the cursor is back"
    last = ESCAPE.sub("", done.out).splitlines()[-1]
    assert last.startswith("Exports: 1 stored (30.0 MB); it took ")


def test_no_escape_codes_where_nobody_looks(lab: Lab, serve: Serve, source: Source) -> None:
    lab.write({"lab": source(serve())})
    done = lab.run("sync", "-v")
    assert done.code == 0
    assert "\x1b" not in done.out + done.err


def test_dumb_terminal_gets_no_bars(lab: Lab, serve: Serve, source: Source) -> None:
    lab.write({"lab": source(serve())})
    lab.environment["TERM"] = "dumb"
    done = lab.run_on_terminal("sync")
    assert done.code == 0
    assert "\x1b" not in done.out
