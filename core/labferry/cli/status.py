"""`labferry status`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from labferry.actions.session import open_stores
from labferry.actions.status import Kept, Level, Matter, judge, matters, status
from labferry.cli.exit_codes import exit_codes
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say
from labferry.cli.params import DURATION
from labferry.cli.tables import print_what_fits, say_wrapped
from labferry.runtime.units import show_moment, show_seconds, show_size
from labferry.sdk import LabferryError, redact

_HEAD = (
    *("SOURCE", "DESTINATION", "LAST SUCCESS (UTC)", "AGE", "SIZE", "COPIES"),
    *("LAST VERIFIED (UTC)", "NEXT DUE (UTC)", "STATE"),
)
_SPARE = ("NEXT DUE (UTC)", "LAST VERIFIED (UTC)", "COPIES", "SIZE", "LAST SUCCESS (UTC)")
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
        kept = status(open_stores(config_path))
    except LabferryError as error:
        if max_age is None:
            raise
        return _report_unknown(output, error)
    levels = [Level.OK if max_age is None else judge(each, max_age, now) for each in kept]
    code = int(max(levels, default=Level.UNKNOWN if max_age is not None else Level.OK))
    if output.as_json:
        print_document("status", code, {"standings": [asdict(each) for each in kept]})
    elif max_age is None:
        _print(kept, now)
    else:
        say(_check(kept, levels, max_age, now))
    return code


def _report_unknown(output: Output, error: LabferryError) -> int:
    code = int(Level.UNKNOWN)
    if output.as_json:
        print_document("status", code, {}, [{"message": redact(error.message)}])
    else:
        say(f"LABFERRY UNKNOWN: {_plain(str(error))}")
    return code


def _check(kept: Sequence[Kept], levels: Sequence[Level], max_age: timedelta, now: datetime) -> str:
    """The line that monitoring reads: what is wrong, and the ages."""
    worst = max(levels, default=Level.UNKNOWN)
    good = levels.count(Level.OK)
    said = [f"{good} of {len(kept)} fresh"]
    said += [
        f"{each.source} at {each.destination}: {_state(each, now, max_age)}"
        for level, each in sorted(zip(levels, kept, strict=True), key=lambda pair: -pair[0])
        if level is not Level.OK
    ]
    data = " ".join(_measured(each, max_age, now) for each in kept)
    return f"LABFERRY {worst.name}: {_plain('; '.join(said))} | {data}"


def _measured(kept: Kept, max_age: timedelta, now: datetime) -> str:
    """An age as performance data: label, value with unit, and the critical threshold."""
    label = f"{kept.source}/{kept.destination}".replace("'", "").replace("=", "")
    age = "U" if kept.last_success is None else f"{_seconds(kept.last_success, now):.0f}s"
    return f"'{label}'={age};;{max_age.total_seconds():.0f};0"


def _state(kept: Kept, now: datetime, max_age: timedelta | None = None) -> str:
    """All that is the matter, worst first."""
    return ", ".join(text for _, text in _matters(kept, now, max_age)) or "ok"


def _matters(
    kept: Kept, now: datetime, max_age: timedelta | None = None
) -> Iterator[tuple[Matter, str]]:
    """What is the matter, worst first: a word for it, and all of it."""
    for matter in matters(kept, now, max_age):
        match matter:
            case Matter.INCOMPLETE:
                text = "something was never stored"
            case Matter.STALE if kept.last_success is not None:
                text = f"{show_seconds(_seconds(kept.last_success, now))} old"
            case Matter.DAMAGED:
                text = f"{kept.failing} damaged or missing"
            case Matter.FAILED:
                text = kept.problem
            case Matter.OVERDUE:
                text = "overdue to be read back"
            case Matter.PENDING:
                text = f"{kept.pending} pending"
            case _:
                text = str(matter)
        yield matter, text


def _print(kept: Sequence[Kept], now: datetime) -> None:
    print_what_fits(_HEAD, [_row(each, now) for each in kept], _SPARE)
    told = [(each, text) for each in kept if (text := _explained(each, now))]
    if told:
        say()
    for each, text in told:
        line = f"{each.source} at {each.destination}: {_plain(text)}"
        say_wrapped(line, "- ")


def _explained(kept: Kept, now: datetime) -> str:
    """What a word in the table does not say; a problem comes last, as it may end with a command."""
    found = dict(_matters(kept, now))
    problem = found.pop(Matter.FAILED, "")
    facts = ", ".join(text for word, text in found.items() if text != word)
    return ". ".join(filter(None, (facts, problem)))


def _row(kept: Kept, now: datetime) -> Sequence[str]:
    success = kept.last_success
    return (
        kept.source,
        kept.destination,
        _moment(success),
        "-" if success is None else show_seconds(_seconds(success, now)),
        "-" if kept.size is None else show_size(kept.size),
        str(kept.copies),
        _moment(kept.last_verified),
        _moment(kept.next_due),
        next((str(word) for word, _ in _matters(kept, now)), "ok"),
    )


def _moment(moment: datetime | None) -> str:
    return "-" if moment is None else show_moment(moment)


def _seconds(moment: datetime, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds())


def _plain(text: str) -> str:
    """One line without the character that begins the performance data."""
    return " ".join(text.replace("|", "/").split())
