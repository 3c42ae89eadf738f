"""The words of reports for people and monitors."""

import socket
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

from labferry.sdk import ExitCode, Outcome, RunReport, printable, redact

_MINUTE = 60


class Verdict(StrEnum):
    """What became of a run."""

    SUCCESS = "complete"
    UNFINISHED = "not finished yet"
    FAILURE = "failed"


def verdict(report: RunReport) -> Verdict:
    """Success only where every required destination has a checked copy of everything.

    A run that was stopped is no failure: the next one goes on where it was.
    """
    if report.complete:
        return Verdict.SUCCESS
    is_unfinished = ExitCode.is_unfinished(report.exit_code)
    return Verdict.UNFINISHED if is_unfinished else Verdict.FAILURE


def title(report: RunReport) -> str:
    """The subject of a message."""
    return f"labferry on {socket.gethostname()}: backup {verdict(report)}"


def summary(report: RunReport) -> str:
    """A sentence or two on the whole run."""
    if not report.run:
        return f"The backup could not begin (exit code {report.exit_code})."
    counts = Counter(export.outcome for export in report.exports)
    exports = ", ".join(f"{counts[o]} {o}" for o in Outcome if counts[o]) or "none"
    return (
        f"Run {report.run}: backup {verdict(report)} (exit code {report.exit_code}) after "
        f"{_duration(report)}. Exports: {exports}."
    )


def text(report: RunReport, *, log: bool) -> str:
    """Everything that there is to tell of a run: lines without secrets, fit to be printed.

    Args:
        report: The run.
        log: Whether its last log lines are part of it.
    """
    lines = [summary(report)]
    problems = [*dict.fromkeys(_problems(report))]
    if problems:
        lines += ["", "Problems:", *(f"- {problem}" for problem in problems)]
    if log and report.log:
        lines += ["", "Last log lines:", *report.log]
    return "\n".join(printable(redact(line)) for line in lines)


def shortened(words: str, size: int) -> str:
    """The beginning of a text, in at most so many bytes of UTF-8."""
    encoded = words.encode()
    if len(encoded) <= size:
        return words
    return encoded[: size - len("…".encode())].decode(errors="ignore") + "…"


def _problems(report: RunReport) -> Iterator[str]:
    yield from report.problems
    for export in report.exports:
        for problem in export.problems:
            yield f"{export.source}: {export.title}: {problem}"
    for row in report.freshness:
        if row.problem or row.pending:
            since = row.last_stored.strftime("%Y-%m-%d %H:%M UTC") if row.last_stored else "nothing"
            why = f": {row.problem}" if row.problem else ""
            yield f"{row.destination} lacks the newest of {row.source} (it has {since}){why}"


def _duration(report: RunReport) -> str:
    seconds = (report.ended - report.started).total_seconds()
    return f"{seconds:.0f} s" if seconds < _MINUTE else f"{seconds / _MINUTE:.0f} min"
