"""What is told of a run when it has ended."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import click

from labferry.cli.output import Output, print_document, tell
from labferry.sdk import ExportReport, Outcome, RunReport

__all__ = ["print_run"]

_UNITS = ("kB", "MB", "GB", "TB")
_THOUSAND = 1000
_MINUTE = 60
_FAILED = {1, 3, 4, 5}
_NAMED = 3
"""How many exports with the same problem are named."""


@dataclass(frozen=True, slots=True)
class _Problem:
    text: str
    is_warning: bool


def print_run(output: Output, command: str, report: RunReport, **more: str) -> None:
    """Tell how a run went: what was stored to whoever listens, what went wrong in any case.

    Args:
        output: How to talk.
        command: The verb that ran it.
        report: The run.
        more: What else the JSON document has to tell.
    """
    if output.as_json:
        problems = [{"message": problem} for problem in report.problems]
        print_document(command, report.exit_code, {**more, **_content(report)}, problems)
    elif output.is_talkative:
        for export in report.exports:
            click.echo(_line(export))
        click.echo(_total(report))
    for problem in _problems(report):
        if not (problem.is_warning and output.is_quiet):
            tell(f"warning: {problem.text}" if problem.is_warning else problem.text)
    if report.exit_code in _FAILED:
        tell("What failed is tried again by the next run; what is stored stays as it is.")


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


def _size(size: int) -> str:
    """A size for people: `1 byte`, `10.1 kB`, `2.5 GB`."""
    if size < _THOUSAND:
        return f"{size} byte{'' if size == 1 else 's'}"
    amount, unit = size / _THOUSAND, _UNITS[0]
    for larger in _UNITS[1:]:
        if round(amount, 1) < _THOUSAND:
            break
        amount, unit = amount / _THOUSAND, larger
    return f"{amount:.1f} {unit}"


def _line(export: ExportReport) -> str:
    what = f"{export.source}: {export.title}: {export.outcome}"
    if not export.receipts:
        return what
    places = ", ".join(receipt.destination for receipt in export.receipts)
    stored = export.receipts[0]
    return f"{what} at {places}: {stored.key} ({_size(stored.size)})"


def _total(report: RunReport) -> str:
    counts = {
        outcome: sum(export.outcome is outcome for export in report.exports) for outcome in Outcome
    }
    told = [f"{count} {outcome}" for outcome, count in counts.items() if count] or ["none"]
    seconds = (report.ended - report.started).total_seconds()
    return f"Exports: {', '.join(told)}; it took {_duration(seconds)}."


def _duration(seconds: float) -> str:
    """A time for people: `0.3 s`, `12 min`, `1 h 05 min`."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / _MINUTE), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


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
            subjects.append(f"{export.source}: {export.title}")
    for problem, subjects in shared.items():
        yield replace(problem, text=f"{_subject(subjects)}: {problem.text}")


def _subject(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    listed = ", ".join(names[:_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed
