"""What is told of a run when it has ended."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeGuard

import click

from labferry.cli.output import Output, print_document, tell
from labferry.cli.units import show_seconds, show_size
from labferry.sdk import ExportReport, Outcome, RunReport

__all__ = ["print_run"]

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


def _line(export: ExportReport) -> str:
    what = f"{export.source}: {export.title}: {export.outcome}"
    if not export.receipts:
        return what
    places = ", ".join(receipt.destination for receipt in export.receipts)
    stored = export.receipts[0]
    told = f"{what} at {places}: {stored.key} ({show_size(stored.size)})"
    # A page that somebody has to look at, such as the draft of a record.
    urls = (receipt.url for receipt in export.receipts)
    pages = [url for url in urls if _is_page(url)]
    return "\n".join([told, *(f"  {page}" for page in pages)])


def _is_page(url: str | None) -> TypeGuard[str]:
    return url is not None and url.startswith(("https://", "http://"))


def _total(report: RunReport) -> str:
    counts = {
        outcome: sum(export.outcome is outcome for export in report.exports) for outcome in Outcome
    }
    told = [f"{count} {outcome}" for outcome, count in counts.items() if count] or ["none"]
    seconds = (report.ended - report.started).total_seconds()
    return f"Exports: {', '.join(told)}; it took {show_seconds(seconds)}."


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
