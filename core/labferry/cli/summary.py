"""What is told of a run when it has ended."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import click

from labferry.cli.output import Output, print_document, tell
from labferry.cli.summary_table import how_many, named, pages, print_exports, stored_bytes
from labferry.cli.units import show_seconds, show_size
from labferry.sdk import ExportReport, Outcome, RunReport, redact

__all__ = ["print_run"]

_FAILED = {1, 3, 4, 5}
_COMFORT = "What failed is tried again by the next run; what is stored stays as it is."
_NAMED = 3
"""How many exports with the same problem are named."""


@dataclass(frozen=True, slots=True)
class _Problem:
    text: str
    is_warning: bool

    def __str__(self) -> str:
        return f"warning: {self.text}" if self.is_warning else self.text


def print_run(output: Output, command: str, report: RunReport, **more: str) -> None:
    """Tell how a run went: what was stored to whoever listens, what went wrong in any case.

    Args:
        output: How to talk.
        command: The verb that ran it.
        report: The run.
        more: What else the JSON document has to tell.
    """
    if output.as_json:
        told = [{"message": problem} for problem in report.problems]
        print_document(command, report.exit_code, {**more, **_content(report)}, told)
    elif output.is_talkative:
        _print_exports(report)
    problems = [p for p in _problems(report) if not (p.is_warning and output.is_quiet)]
    _tell([*map(str, problems)], _COMFORT if report.exit_code in _FAILED else "")


def _content(report: RunReport) -> dict[str, object]:
    return {
        "dry_run": False,
        "run": report.run,
        "started": report.started,
        "ended": report.ended,
        "exports": [
            {**asdict(export), "problems": [{"message": problem} for problem in export.problems]}
            for export in report.exports
        ],
    }


def _print_exports(report: RunReport) -> None:
    if report.exports and sys.stdout.isatty():
        click.echo()
        print_exports(report.exports)
    else:
        for export in report.exports:
            click.echo(redact(_line(export)))
    click.echo(_total(report))


def _line(export: ExportReport) -> str:
    what = f"{named(export)}: {export.outcome}"
    if not export.receipts:
        return what
    places = ", ".join(receipt.destination for receipt in export.receipts)
    stored = export.receipts[0]
    told = f"{what} at {places}: {stored.key} ({show_size(stored.size)})"
    return "\n".join([told, *(f"  {page}" for page in pages(export))])


def _total(report: RunReport) -> str:
    counts = {outcome: how_many(report.exports, outcome) for outcome in Outcome}
    told = {outcome: f"{count} {outcome}" for outcome, count in counts.items() if count}
    if Outcome.STORED in told:
        told[Outcome.STORED] += f" ({show_size(stored_bytes(report.exports))})"
    seconds = (report.ended - report.started).total_seconds()
    return f"Exports: {', '.join(told.values()) or 'none'}; it took {show_seconds(seconds)}."


def _problems(report: RunReport) -> Iterator[_Problem]:
    """What to tell, in the order of the run: what several exports share is told once."""
    for text in dict.fromkeys(report.problems):
        yield _Problem(text, is_warning=False)
    shared: dict[_Problem, list[str]] = {}
    for export in report.exports:
        # Stored all the same: it was a destination that need not have it.
        is_warning = export.outcome is Outcome.STORED
        for text in dict.fromkeys(export.problems):
            subjects = shared.setdefault(_Problem(text, is_warning=is_warning), [])
            subjects.append(named(export))
    for problem, subjects in shared.items():
        yield replace(problem, text=f"{_subject(subjects)}: {problem.text}")


def _subject(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    listed = ", ".join(names[:_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed


def _tell(problems: Sequence[str], last: str) -> None:
    """A block that a person at a terminal finds; elsewhere lines that say whose they are."""
    if not sys.stderr.isatty():
        for message in filter(None, [*problems, last]):
            tell(message)
        return
    if problems:
        click.echo("\nProblems:", err=True)
    for problem in problems:
        click.echo(_wrapped(redact(problem), "- "), err=True)
    if last:
        click.echo(_wrapped(last), err=True)


def _wrapped(text: str, mark: str = "") -> str:
    """A text in the terminal's width; paths and addresses are left whole, to be copied."""
    return textwrap.fill(
        text,
        shutil.get_terminal_size().columns,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
