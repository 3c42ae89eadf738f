"""`labferry status`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import shorten

import click

from labferry.actions.session import open_stores
from labferry.actions.status import Level, Matter, describe, judge, matters, status
from labferry.cli.exit_codes import exit_codes
from labferry.cli.export_words import not_verified
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say
from labferry.cli.params import DURATION
from labferry.cli.tables import clipped, print_what_fits, say_wrapped, without_empty
from labferry.runtime.units import show_moment, show_names, show_seconds, show_size
from labferry.sdk import Freshness, LabferryError, Names, redact

_WHOSE = "WORK OF"
_WIDEST_NAME = 20
_NAMED = 3
"""How many people or groups are named whose work was never stored."""
_HEAD = (
    *("SOURCE", _WHOSE, "DESTINATION", "LAST SUCCESS (UTC)", "AGE", "SIZE", "COPIES"),
    *("LAST VERIFIED (UTC)", "NEXT DUE (UTC)", "STATE"),
)
_SPARE = ("NEXT DUE (UTC)", "LAST VERIFIED (UTC)", "COPIES", "SIZE", "LAST SUCCESS (UTC)", _WHOSE)
_LINE = 990
"""Characters. Monitoring systems cut longer lines, NRPE for one at 1,024 bytes."""
_MESSAGE = 600
"""How many of them what is wrong may take."""
_ONE = 300
"""How many of those one source at one destination may take."""

_EXAMPLES = examples(
    "labferry status                  # a table",
    "labferry status --max-age 26h    # one line for monitoring",
)


@click.command(
    "status",
    short_help="Show how fresh and complete each backup is.",
    epilog=exit_codes("status") + _EXAMPLES,
)
@config_option
@click.option(
    "--max-age",
    type=DURATION,
    help="Run as a monitoring check; fail if anything is older than this.",
)
@output_options
def command(output: Output, config_path: Path | None, max_age: timedelta | None) -> int:
    """Show the state of each source at each of its destinations.

    Reads only this machine's ledger. With --max-age, prints one line with performance data and
    exits as monitoring plugins do. This also detects a sync that never ran.
    """
    now = datetime.now(UTC)
    try:
        rows = status(open_stores(config_path))
    except LabferryError as error:
        if max_age is None:
            raise
        return _report_unknown(output, error)
    levels = [Level.OK if max_age is None else judge(each, max_age, now) for each in rows]
    code = int(max(levels, default=Level.UNKNOWN if max_age is not None else Level.OK))
    if output.as_json:
        print_document("status", code, {"standings": [asdict(each) for each in rows]})
    elif max_age is None:
        _print(rows, now)
    else:
        say(_check(rows, levels, max_age, now))
    return code


def _report_unknown(output: Output, error: LabferryError) -> int:
    code = int(Level.UNKNOWN)
    if output.as_json:
        print_document("status", code, {}, [{"message": redact(error.message)}])
    else:
        say(f"LABFERRY UNKNOWN: {_plain(str(error))}")
    return code


def _check(
    rows: Sequence[Freshness], levels: Sequence[Level], max_age: timedelta, now: datetime
) -> str:
    """The line that monitoring reads: what is wrong, and the ages."""
    worst = max(levels, default=Level.UNKNOWN)
    good = levels.count(Level.OK)
    ranked = sorted(zip(levels, rows, strict=True), key=lambda pair: -pair[0])
    bad = [
        shorten(
            _plain(f"{each.source} at {each.destination}: {_state(each, now, max_age)}"),
            _ONE,
            placeholder=" ...",
        )
        for level, each in ranked
        if level is not Level.OK
    ]
    shown = _as_many_as_fit(bad, "; ", _MESSAGE)
    more = [f"{len(bad) - len(shown)} more"] if len(shown) < len(bad) else []
    said = "; ".join([f"{good} of {len(rows)} fresh", *shown, *more])
    line = f"LABFERRY {worst.name}: {said} | "
    data = [_measured(each, max_age, now) for _, each in ranked]
    return line + " ".join(_as_many_as_fit(data, " ", _LINE - len(line)))


def _as_many_as_fit(parts: Sequence[str], between: str, room: int) -> Sequence[str]:
    """The first parts, as many as have room."""
    taken: list[str] = []
    for part in parts:
        room -= len(part) + len(between)
        if room < 0:
            break
        taken.append(part)
    return taken


def _measured(row: Freshness, max_age: timedelta, now: datetime) -> str:
    """An age as performance data: label, value with unit, and the critical threshold."""
    label = f"{row.source}/{row.destination}".replace("'", "").replace("=", "")
    age = "U" if row.last_success is None else f"{_seconds(row.last_success, now):.0f}s"
    return f"'{label}'={age};;{max_age.total_seconds():.0f};0"


def _state(row: Freshness, now: datetime, max_age: timedelta | None = None) -> str:
    """All that is the matter, worst first."""
    return ", ".join(text for _, text in _matters(row, now, max_age)) or "ok"


def _matters(
    row: Freshness, now: datetime, max_age: timedelta | None = None
) -> Iterator[tuple[Matter, str]]:
    """What is the matter, worst first: a word for it, and all of it."""
    for matter in matters(row, now, max_age):
        yield matter, describe(matter, row, now)


def _print(rows: Sequence[Freshness], now: datetime) -> None:
    print_what_fits(*without_empty(_HEAD, [_row(each, now) for each in rows], _WHOSE), _SPARE)
    explained = [(each, text) for each in rows if (text := _explained(each, now))]
    if explained:
        say()
    for each, text in explained:
        line = f"{each.source} at {each.destination}: {_plain(text)}"
        say_wrapped(line, "- ")


def _explained(row: Freshness, now: datetime) -> str:
    """What a word in the table does not say; a problem comes last, as it may end with a command."""
    found = dict(_matters(row, now))
    problem = found.pop(Matter.FAILED, "")
    if row.never_stored and Matter.INCOMPLETE in found:
        found[Matter.INCOMPLETE] = f"the work of {_some(row.never_stored)} was never stored"
    facts = ", ".join(text for word, text in found.items() if text != word)
    return ". ".join(filter(None, (facts, problem)))


def _some(names: Sequence[Names]) -> str:
    more = len(names) - _NAMED
    listed = ", ".join(map(str, names[:_NAMED]))
    return f"{listed} and {more} more" if more > 0 else listed


def _row(row: Freshness, now: datetime) -> Sequence[str]:
    success = row.last_success
    return (
        row.source,
        clipped(show_names(row.names), _WIDEST_NAME),
        row.destination,
        _moment(success),
        "-" if success is None else show_seconds(_seconds(success, now)),
        "-" if row.size is None else show_size(row.size),
        str(row.copies),
        not_verified(row.download_check) or _moment(row.last_verified),
        _moment(row.next_due),
        next((str(word) for word, _ in _matters(row, now)), "ok"),
    )


def _moment(moment: datetime | None) -> str:
    return "-" if moment is None else show_moment(moment)


def _seconds(moment: datetime, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds())


def _plain(text: str) -> str:
    """One line without the character that begins the performance data."""
    return " ".join(text.replace("|", "/").split())
