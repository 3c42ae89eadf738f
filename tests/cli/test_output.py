"""Text that somebody else wrote can neither command a terminal nor pose as labferry's own lines."""

from __future__ import annotations

import io
import json
import logging
import re
import zlib
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from labferry.cli.logs import LogFormat, start_logging
from labferry.cli.output import painted, say, tell
from labferry.cli.progress import Bars
from labferry.cli.tables import print_table, print_what_fits, say_wrapped
from labferry.runtime.progress import ActivityKind, Progress
from labferry.sdk import (
    ExportReport,
    Manifest,
    ManifestJob,
    ManifestSource,
    Outcome,
    RunReport,
    printable,
)
from labferry_notify.wording import text, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Source
    from tests.lab import Done, Lab

FORGED = "labferry: Everything is stored."
HOSTILE = [
    "\x1b[2J\x1b[31mred\x1b[0m",
    f"a\n{FORGED}",
    f"a\r{FORGED}",
    f"a\u2028{FORGED}",
    f"a\x85{FORGED}",
    "\u202etxt.exe\u202c",
    "\u2066isolated\u2069",
    "\x9b31mC1\x9c",
    "bell\x07, backspace\x08, delete\x7f, tab\t",
    "half a pair \udcff",
    "[red]markup[/red] [link=file:///etc/passwd]",
    "zero\u200bwidth\ufeff",
]
ALL = " ".join(HOSTILE)
UNFIT = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def assert_harmless(shown: str) -> None:
    assert not UNFIT.search(shown), ascii(shown)
    assert not [line for line in shown.split("\n") if line.startswith(FORGED)]
    assert "[red]markup[/red]" in shown


@pytest.fixture
def logging_again() -> Iterator[None]:
    """The loggers as they were, whatever a test does to them."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_line_is_one_line_without_what_cannot_be_printed(hostile: str) -> None:
    line = printable(f"a{hostile}b")
    assert line.isprintable()
    assert line.startswith("a")
    assert line.endswith("b")
    assert printable(line) == line


def test_letters_of_any_script_stay_as_they_are() -> None:
    for name in ("Müller", "שלום", "日本語", "été", "πλάνο", "🧪 assay"):
        assert printable(name) == name


def test_lines_and_messages_are_harmless(
    capsys: pytest.CaptureFixture[str], logging_again: None
) -> None:
    say(ALL, "  ", painted("ok"))
    say(ALL, to_stderr=True)
    say_wrapped(ALL, "- ")
    tell(ALL)
    tell(ALL, logging.ERROR, ["  more", ALL])
    for printed in capsys.readouterr():
        assert_harmless(printed)


def test_a_word_of_somebody_else_has_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    say("\x1b[32mok\x1b[0m")
    assert capsys.readouterr().out == r"\x1b[32mok\x1b[0m" + "\n"


@pytest.mark.parametrize("width", ["30", "80", "2000"])
def test_tables_are_harmless(
    width: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    rows = [(ALL, ALL, "1"), ("b", "ok", "2")]
    print_table(("NAME", "STATE", "SIZE"), rows)
    print_what_fits(("NAME", "STATE", "SIZE"), rows, ["SIZE"])
    assert_harmless(capsys.readouterr().out)


def test_a_name_with_a_line_feed_takes_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME", "SIZE"), [("a\nb", "1"), (("c", "d"), "2")])
    assert capsys.readouterr().out == "NAME  SIZE\na\\nb  1\nc     2\nd\n"


@pytest.mark.parametrize("form", LogFormat)
def test_log_lines_are_harmless(
    form: LogFormat, capsys: pytest.CaptureFixture[str], logging_again: None
) -> None:
    start_logging(logging.INFO, form)
    log = logging.getLogger("labferry.test")
    try:
        int(ALL)
    except ValueError:
        log.exception("Hostile: %s", ALL)
    printed = capsys.readouterr().err
    if form is LogFormat.JSON:
        (line,) = printed.splitlines()
        assert line.isascii()
        assert json.loads(line)["message"].startswith(f"Hostile: {ALL}\n")
    else:
        assert_harmless(printed)
        assert "Traceback" in printed


def test_the_journal_gets_no_line_of_somebody_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, logging_again: None
) -> None:
    monkeypatch.setattr("labferry.cli.logs.is_journal", lambda: True)
    start_logging(logging.INFO, LogFormat.TEXT)
    logging.getLogger("labferry.test").error("Hostile: %s", ALL)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("<3>Hostile: ")
    assert_harmless(line)


def test_bars_take_a_name_for_text_only() -> None:
    progress = Progress()
    console = Console(file=io.StringIO(), width=2000, force_terminal=False)
    with progress.activity(ActivityKind.EXPORT, ALL):
        console.print(Bars(progress))
    assert isinstance(console.file, io.StringIO)
    assert_harmless(console.file.getvalue())


def test_messages_of_an_observer_are_harmless() -> None:
    now = datetime.now(UTC)
    export = ExportReport(
        source="lab",
        series=ALL,
        title=ALL,
        outcome=Outcome.FAILED,
        exit_code=1,
        archive_id=None,
        size=None,
        receipts=(),
        problems=(ALL,),
    )
    report = RunReport(
        run=1,
        started=now,
        ended=now,
        exit_code=1,
        exports=(export,),
        problems=(ALL,),
        log=(ALL,),
    )
    assert_harmless(text(report, log=True))
    assert title(report).isprintable()


def _plant(lab: Lab) -> None:
    """Hostile names at a destination, and a hostile manifest with an archive that is right."""
    folder = lab.destination() / "lab" / "2026"
    folder.mkdir(parents=True)
    for hostile in HOSTILE:
        name = hostile.replace("/", ":")
        (folder / f"{name}.zip").write_bytes(b"x")
        (folder / f".{name}.zip.part").write_bytes(b"x")
        (folder / f"{name}.zip.manifest.json").write_text("{}", encoding="utf-8")
    content = b"an archive"
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    series = "".join(each for each in ALL if each != "\udcff")
    identity = "20260102T000000Z-lab-1"
    manifest = Manifest(
        labferry_manifest=1,
        archive_id=identity,
        file=f"{identity}.zip",
        size=len(content),
        sha256=sha256(content).hexdigest(),
        crc32=f"{zlib.crc32(content):08x}",
        source=ManifestSource(
            name="lab", type="rspace", url="https://x", series=series, parameters={"a": series}
        ),
        job=ManifestJob(id="1", submitted=moment, completed=moment),
    )
    (folder / f"{identity}.zip").write_bytes(content)
    (folder / f"{identity}.zip.manifest.json").write_bytes(manifest.to_json())


def test_no_verb_prints_what_a_destination_holds_as_it_is(lab: Lab, source: Source) -> None:
    lab.write(
        {"lab": source("https://rspace.example.edu")},
        {"nas": {"path": "nas", "retention": {"keep_last": 1}}},
    )
    _plant(lab)
    shown = ""
    for arguments in (
        ["list", "--all"],
        ["prune", "--strays", "--dry-run"],
        ["verify", "-vv"],
        ["status", "-vv"],
        ["drill"],
        ["restore", "latest", "--source", "lab", "--to", "out.zip"],
    ):
        done = lab.run(*arguments)
        assert_printable(done)
        shown += done.out + done.err
    assert "[red]markup[/red]" in shown
    assert r"\x1b[2J" in shown


def assert_printable(done: Done) -> None:
    for printed in (done.out, done.err):
        assert not UNFIT.search(printed), ascii(printed)
        assert not [line for line in printed.split("\n") if line.startswith(FORGED)]
