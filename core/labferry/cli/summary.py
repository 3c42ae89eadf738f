"""What is reported of a run: its beginning, in a journal; and how it ended."""

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from labferry.cli.exit_codes import EXIT_CODES
from labferry.cli.export_words import WORDS, ExportNames, download_note, word
from labferry.cli.logs import is_journal, is_text
from labferry.cli.output import Output, print_document, say, tell
from labferry.cli.summary_table import how_many, pages, print_exports, stored_bytes
from labferry.cli.tables import say_wrapped
from labferry.runtime.units import show_seconds, show_size
from labferry.sdk import ExitCode, ExportReport, Outcome, RunReport

_FAILED = {ExitCode.FAILED, ExitCode.PARTIAL, ExitCode.INTEGRITY, ExitCode.REFUSED}
_COMFORT = "The next run tries again what failed; what is stored stays as it is."
_LEVELS = {Outcome.STORED: logging.WARNING, Outcome.PENDING: logging.INFO}
"""Of the problems of an export. One that is stored all the same looks odd at most, or lacks a copy
that need not be."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """Something to tell, and what it is about, where that is one thing."""

    text: str
    level: int = logging.ERROR
    source: str | None = None
    archive: str | None = None
    destination: str | None = None

    def __str__(self) -> str:
        return f"warning: {self.text}" if self.level == logging.WARNING else self.text


def report_begun(output: Output, config: Path, routes: Mapping[str, Sequence[str]]) -> None:
    """Report to the journal that a run begins: there, a silent run looks like none.

    Args:
        output: How to talk.
        config: The configuration file.
        routes: For each source, the destinations that its archives go to.
    """
    if is_journal() and not output.is_quiet:
        places = ", ".join(dict.fromkeys(name for route in routes.values() for name in route))
        tell(
            f"Begins: {', '.join(routes)} to {places}. Configuration: {config}",
            logging.INFO,
        )


def print_run(
    output: Output, command: str, report: RunReport, config: Path, /, **more: str
) -> None:
    """Tell how a run went: what was stored to whoever listens, what went wrong in any case.

    Args:
        output: How to talk.
        command: The verb that ran it.
        report: The run.
        config: The configuration file.
        more: What else is in the JSON document.
    """
    if output.as_json:
        messages = [{"message": problem} for problem in report.problems]
        print_document(command, report.exit_code, {**more, **_content(report)}, messages)
    elif output.is_talkative:
        _print_exports(report)
    problems = [
        problem
        for problem in _problems(report)
        if not (output.is_quiet and problem.level == logging.WARNING)
    ]
    comfort = _COMFORT if report.exit_code in _FAILED else ""
    if sys.stderr.isatty() and is_text():
        _print_block(problems, comfort)
    elif problems or report.exit_code:
        _report_block(report, config, problems, comfort)
    elif is_journal() and not (output.is_quiet or output.is_talkative):
        tell(_total(report), logging.INFO, run=str(report.run))


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
        say()
        print_exports(report.exports)
    else:
        names = ExportNames(report.exports)
        for export in report.exports:
            for line in _lines(export, names):
                say(line)
    say(_total(report))


def _lines(export: ExportReport, names: ExportNames) -> Iterator[str]:
    what = f"{names.of(export)}: {word(export)}"
    if not export.receipts:
        yield what
        return
    places = ", ".join(receipt.destination for receipt in export.receipts)
    others = "".join(f", not at {each.destination}" for each in export.missing)
    stored = export.receipts[0]
    yield f"{what} at {places}{others}: {stored.key} ({show_size(stored.size)})"
    if note := download_note(export):
        yield f"  Not verified: {note}."
    yield from (f"  {page}" for page in pages(export))


def _total(report: RunReport) -> str:
    counts = {each: how_many(report.exports, each) for each in WORDS}
    counted = {each: f"{count} {each}" for each, count in counts.items() if count}
    if Outcome.STORED in counted:
        counted[Outcome.STORED] += f" ({show_size(stored_bytes(report.exports))})"
    seconds = (report.ended - report.started).total_seconds()
    return f"Exports: {', '.join(counted.values()) or 'none'}; it took {show_seconds(seconds)}."


def _problems(report: RunReport) -> Iterator[_Problem]:
    """What to report, in the order of the run; what several exports share, once."""
    for text in dict.fromkeys(report.problems):
        yield _Problem(text)
    names = ExportNames(report.exports)
    shared: dict[_Problem, list[ExportReport]] = {}
    for export in report.exports:
        level = _LEVELS.get(export.outcome, logging.ERROR)
        places = {str(copy): copy.destination for copy in export.missing}
        for text in dict.fromkeys(export.problems):
            problem = _Problem(text, level, destination=places.get(text))
            shared.setdefault(problem, []).append(export)
    for problem, exports in shared.items():
        yield replace(
            problem,
            text=f"{names.of_all(exports)}: {problem.text}",
            source=_only(export.source for export in exports),
            archive=_only(export.archive_id for export in exports),
        )


def _only(names: Iterable[str | None]) -> str | None:
    """The name that all share, if they do."""
    different = {*names}
    return different.pop() if len(different) == 1 else None


def _report_block(report: RunReport, config: Path, problems: Sequence[_Problem], last: str) -> None:
    """Lines that say whose they are, as they may come in a mail or among others' lines."""
    meaning = EXIT_CODES["sync"].get(report.exit_code, "failed")
    head = f"Run {report.run} ended with exit code {report.exit_code} ({meaning})."
    level = logging.ERROR if last else logging.INFO
    run = str(report.run)
    tell(f"{head} {_total(report)} Configuration: {config}", level, run=run)
    for each in problems:
        about = {"source": each.source, "archive": each.archive, "destination": each.destination}
        tell(each.text, each.level, run=run, **about)
    if last:
        tell(last, logging.INFO, run=run)


def _print_block(problems: Sequence[_Problem], last: str) -> None:
    """What a person at a terminal finds below the table."""
    if problems:
        say(to_stderr=True)
        say("Problems:", to_stderr=True)
    for problem in problems:
        say_wrapped(str(problem), "- ", to_stderr=True)
    if last:
        say_wrapped(last, to_stderr=True)
