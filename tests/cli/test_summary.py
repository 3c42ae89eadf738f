"""The end of a run: tables for a person at a terminal, lines for everything else."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labferry.cli.export_words import not_verified
from labferry.cli.output import Output
from labferry.cli.summary import print_run
from labferry.sdk import (
    Checked,
    DownloadCheck,
    ExportReport,
    MissingCopy,
    Outcome,
    Receipt,
    RunReport,
)

Show = Callable[..., list[str]]

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONFIG = Path("/etc/labferry/labferry.toml")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
PAGE = "https://zenodo.example.org/uploads/12"
FULL = "offsite: The disk is full. Free some space; the next run goes on with what is missing."


def export(
    title: str,
    outcome: Outcome = Outcome.STORED,
    problems: tuple[str, ...] = (),
    source: str = "chem-group",
) -> ExportReport:
    archive = f"20260102T030405Z-{title.replace(' ', '-')}"
    receipts = (
        Receipt("nas", archive, f"{source}/2026/{archive}.zip", 2_000_000, Checked.READ_BACK),
        Receipt("offsite", archive, f"{source}/2026/{archive}.zip", 2_000_000, Checked.SIZE),
    )
    return ExportReport(
        *(source, title, title, outcome, 0, archive, 2_000_000),
        receipts=receipts if outcome is Outcome.STORED else (),
        problems=problems,
    )


def run_of(exports: Iterable[ExportReport], exit_code: int = 0, *problems: str) -> RunReport:
    ended = BEGAN + timedelta(minutes=2)
    return RunReport(7, BEGAN, ended, exit_code, tuple(exports), problems)


FEW = run_of(
    [
        export("work of alice"),
        export("work of bob", Outcome.FAILED, (FULL,)),
        export("group 23", Outcome.PENDING),
        export("group 24", Outcome.UNCHANGED),
    ],
    3,
)
MANY = run_of(
    [
        export(
            f"work of user{number:03}",
            Outcome.FAILED if number % 10 == 0 else Outcome.STORED,
            (FULL,) if number % 10 == 0 else (),
            source=f"lab-{number % 2}",
        )
        for number in range(500)
    ],
    3,
)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """What a terminal of a width shows in the end, stderr behind stdout."""

    def at(
        report: RunReport, width: int, *, terminal: bool = True, verbosity: int = 0
    ) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        for stream in (sys.stdout, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: terminal)
        print_run(Output(as_json=False, verbosity=verbosity), "sync", report, CONFIG)
        out, err = capsys.readouterr()
        return [*out.splitlines(), *err.splitlines()]

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return at


def _plain(lines: list[str]) -> list[str]:
    return [ESCAPE.sub("", line) for line in lines]


def test_a_table_tells_of_each_export_and_each_destination(show: Show) -> None:
    assert _plain(show(FEW, 80)) == [
        "",
        "EXPORT                     OUTCOME    SIZE    DESTINATION  CHECKED",
        "chem-group: work of alice  stored     2.0 MB  nas          read back",
        "                                              offsite      size",
        "chem-group: work of bob    failed     2.0 MB  -            -",
        "chem-group: group 23       pending    2.0 MB  -            -",
        "chem-group: group 24       unchanged  2.0 MB  -            -",
        "",
        "Exports: 1 stored (2.0 MB), 1 unchanged, 1 pending, 1 failed; it took 2 min.",
        "",
        "Problems:",
        "- chem-group: work of bob: offsite: The disk is full. Free some space; the next",
        "  run goes on with what is missing.",
        "The next run tries again what failed; what is stored stays as it is.",
    ]


def test_a_wide_terminal_shows_where_archives_are(show: Show) -> None:
    lines = _plain(show(FEW, 200))
    assert lines[1].endswith("  CHECKED    KEY")
    assert lines[2].endswith("  chem-group/2026/20260102T030405Z-work-of-alice.zip")


def test_a_narrow_terminal_wraps_names(show: Show) -> None:
    assert _plain(show(FEW, 60))[1:5] == [
        "EXPORT             OUTCOME    SIZE    DESTINATION  CHECKED",
        "chem-group: work   stored     2.0 MB  nas          read back",
        "of alice                              offsite      size",
        "chem-group: work   failed     2.0 MB  -            -",
    ]


def test_a_very_narrow_terminal_gets_lines(show: Show) -> None:
    assert _plain(show(FEW, 40))[1:7] == [
        "chem-group: work of alice",
        "  stored, 2.0 MB",
        "  nas: read back",
        "  offsite: size",
        "chem-group: work of bob",
        "  failed, 2.0 MB",
    ]


@pytest.mark.parametrize("report", [FEW, MANY])
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_tables_and_problems_keep_to_the_width(show: Show, report: RunReport, width: int) -> None:
    lines = _plain(show(report, width))
    assert [line for line in lines if len(line) > width and "Exports: " not in line] == []


def test_of_many_exports_each_source_is_told_and_what_is_not_stored(show: Show) -> None:
    lines = _plain(show(MANY, 80))
    assert lines[:8] == [
        "",
        "SOURCE  STORED  FAILED  SIZE",
        "lab-0   200     50      400.0 MB",
        "lab-1   250     -       500.0 MB",
        "",
        "Not stored at every destination:",
        "EXPORT                  OUTCOME  SIZE    DESTINATION  CHECKED",
        "lab-0: work of user000  failed   2.0 MB  -            -",
    ]
    assert "  and 30 more: --json lists all" in lines
    assert "Exports: 450 stored (900.0 MB), 50 failed; it took 2 min." in lines
    assert len(lines) < 40


def test_of_many_exports_that_are_all_stored_there_is_one_line_a_source(show: Show) -> None:
    good = run_of(e for e in MANY.exports if e.outcome is Outcome.STORED)
    assert len(show(good, 80)) == 6


def test_where_there_is_no_room_for_sources_they_get_lines(show: Show) -> None:
    lines = _plain(show(MANY, 20))
    assert lines[1:3] == ["lab-0", "  stored 200, failed 50, 400.0 MB"]


def test_outcomes_are_coloured_but_where_that_is_not_wanted(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "\n".join(show(FEW, 80))
    assert "\x1b[32mstored\x1b[0m" in lines
    assert "\x1b[31mfailed\x1b[0m" in lines
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in "\n".join(show(FEW, 80))
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in "\n".join(show(FEW, 80))


def test_names_in_wide_letters_leave_columns_straight(show: Show) -> None:
    lines = _plain(show(run_of([export("化学"), export("work of bob")]), 80))
    assert lines[2].startswith("chem-group: 化学         stored")
    assert lines[4].startswith("chem-group: work of bob  stored")


def test_pages_to_look_at_are_told_and_addresses_of_archives_are_not(show: Show) -> None:
    (stored,) = run_of([export("work of alice")]).exports
    nas, offsite = stored.receipts
    receipts = (
        replace(nas, url=f"https://s3.example.org/bucket/{nas.key}"),
        replace(offsite, destination="zenodo", url=PAGE),
    )
    report = run_of([replace(stored, receipts=receipts)])
    for shown in (show(report, 80), show(report, 80, terminal=False, verbosity=1)):
        assert any(line.endswith(f"zenodo: {PAGE}") for line in shown)
        assert not any("s3.example.org" in line for line in shown)


@pytest.mark.parametrize(
    ("check", "note"),
    [
        (None, ""),
        (DownloadCheck.DECLARED_DIGEST, ""),
        (DownloadCheck.DECLARED_SIZE, "its server declared its size, but no checksum"),
        (DownloadCheck.SOUND, "it is sound inside"),
        (DownloadCheck.NONE, "its server declared neither size nor checksum"),
    ],
)
def test_an_archive_without_a_declared_digest_is_not_verified(
    show: Show, check: DownloadCheck | None, note: str
) -> None:
    (stored,) = run_of([export("work of alice")]).exports
    receipts = tuple(replace(each, download_check=check) for each in stored.receipts)
    report = run_of([replace(stored, receipts=receipts)])
    for shown in (show(report, 200), show(report, 80, terminal=False, verbosity=1)):
        assert any("Not verified:" in line for line in shown) is bool(note)
        assert any(note in line for line in shown)
    assert bool(not_verified(check)) is bool(note)


def test_off_a_terminal_there_are_lines_that_say_whose_they_are(show: Show) -> None:
    lines = show(FEW, 40, terminal=False)
    head = (
        "labferry: Run 7 ended with exit code 3 (partial: some archives or destinations failed). "
        "Exports: 1 stored (2.0 MB), 1 unchanged, 1 pending, 1 failed; it took 2 min. "
        "Configuration: /etc/labferry/labferry.toml"
    )
    assert lines == [
        head,
        f"labferry: chem-group: work of bob: {FULL}",
        "labferry: The next run tries again what failed; what is stored stays as it is.",
    ]
    told = show(FEW, 40, terminal=False, verbosity=1)
    assert told[0].startswith("chem-group: work of alice: stored at nas, offsite: chem-group/2026/")
    assert told[4].startswith("Exports: 1 stored (2.0 MB), ")


def test_off_a_terminal_a_good_run_says_nothing(show: Show) -> None:
    assert show(run_of([export("work of alice")]), 80, terminal=False) == []


def test_a_run_without_exports_has_a_total_only(show: Show) -> None:
    assert show(run_of([]), 80) == ["Exports: none; it took 2 min."]


def _partial(title: str, moment: str = "20260102T030405Z") -> ExportReport:
    """An export that one destination has and another one could not store."""
    stored = export(title)
    nas, _ = stored.receipts
    return replace(
        stored,
        outcome=Outcome.FAILED,
        exit_code=1,
        archive_id=f"{moment}-chem-group-23",
        receipts=(nas,),
        problems=(FULL,),
        missing=(MissingCopy("offsite", Outcome.FAILED, FULL.removeprefix("offsite: ")),),
    )


def test_a_destination_without_its_copy_has_a_row(show: Show) -> None:
    lines = _plain(show(run_of([_partial("work of alice")], 3), 80))
    assert lines[2:6] == [
        "chem-group: work of alice  partial  2.0 MB  nas          read back",
        "                                            offsite      failed",
        "",
        "Exports: 1 partial; it took 2 min.",
    ]


def test_a_copy_that_the_next_run_goes_on_with_is_pending(show: Show) -> None:
    waiting = replace(
        _partial("work of alice"),
        outcome=Outcome.PENDING,
        missing=(MissingCopy("offsite", Outcome.PENDING),),
    )
    lines = _plain(show(run_of([waiting], 143), 80))
    assert re.sub(" +", " ", lines[2]) == "chem-group: work of alice pending 2.0 MB nas read back"
    assert lines[3].split() == ["offsite", "pending"]


def test_missing_copies_are_told_in_lines_too(show: Show) -> None:
    report = run_of([_partial("work of alice")], 3)
    assert _plain(show(report, 40))[1:5] == [
        "chem-group: work of alice",
        "  partial, 2.0 MB",
        "  nas: read back",
        "  offsite: failed",
    ]
    (told, *_) = show(report, 80, terminal=False, verbosity=1)
    assert told.startswith("chem-group: work of alice: partial at nas, not at offsite: chem-group/")


def test_of_many_exports_those_that_are_partial_are_counted_and_named(show: Show) -> None:
    many = [*(export(f"work of user{n:02}") for n in range(30)), _partial("work of zoe")]
    lines = _plain(show(run_of(many, 3), 80))
    assert lines[1].split() == ["SOURCE", "STORED", "PARTIAL", "SIZE"]
    assert lines[2].split()[:3] == ["chem-group", "30", "1"]
    assert lines[6].startswith("chem-group: work of zoe  partial")


def test_archives_of_the_same_name_can_be_told_apart(show: Show) -> None:
    """Earlier runs left them; the beginning of an id is enough for other verbs."""
    same = [_partial("group 23", f"2026010{day}T030405Z") for day in (1, 2)]
    lines = _plain(show(run_of([*same, export("work of bob")], 3), 100))
    assert lines[2].startswith("chem-group: group 23, 20260101T030405Z  partial")
    assert lines[4].startswith("chem-group: group 23, 20260102T030405Z  partial")
    assert lines[6].startswith("chem-group: work of bob  ")


def test_a_problem_of_several_archives_of_one_name_is_told_with_their_number(show: Show) -> None:
    same = [_partial("group 23", f"2026010{day}T030405Z") for day in range(1, 5)]
    odd = replace(same[0], problems=(*same[0].problems, "It is damaged."))
    lines = show(run_of([odd, *same[1:], _partial("work of bob")], 3), 200, terminal=False)
    assert lines[1:3] == [
        f"labferry: chem-group: group 23 (4 archives), chem-group: work of bob: {FULL}",
        "labferry: chem-group: group 23, 20260101T030405Z: It is damaged.",
    ]


def test_off_a_terminal_a_warning_says_which_run_it_is_of(show: Show) -> None:
    stored = replace(_partial("work of alice"), outcome=Outcome.STORED, exit_code=0)
    head, warning = show(run_of([stored]), 80, terminal=False)
    assert head.startswith("labferry: Run 7 ended with exit code 0 (all that is required is stored")
    assert warning == f"labferry: warning: chem-group: work of alice: {FULL}"
    assert show(run_of([stored]), 80, terminal=False, verbosity=-1) == []
