"""Lines on stderr: text for people, text for the journal, or JSON for machines."""

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from typing_extensions import override

from labferry.runtime.log_context import about, log_context
from labferry.sdk import printable, redact

_CHATTY = ("asyncssh", "botocore", "httpcore", "httpx", "s3fs")
"""Libraries whose log lines are about themselves, or hold addresses with their signatures."""
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}
_TOLD = "labferry.cli"
"""Who says what a verb tells, however much was asked for of what is logged."""


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


def start_logging(level: int, form: LogFormat) -> None:
    """Send log lines of a level and above to stderr."""
    handler = _Stderr(level)
    handler.setFormatter(_formatter(form))
    logger = logging.getLogger()
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def is_started() -> bool:
    """Whether it is known how lines are to look."""
    return _stderr() is not None


def is_journal() -> bool:
    """Whether stderr is the stream that systemd reads: it names its device and inode."""
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def is_text() -> bool:
    """Whether lines are for people as they are: neither JSON nor for the journal."""
    return isinstance(_current(), _Text)


def told_line(message: str, level: int, lines: Sequence[str] = (), /, **names: str | None) -> str:
    """What a verb tells, as it looks among the log lines, without secrets.

    Args:
        message: What it tells.
        level: `logging.ERROR` for a problem, `WARNING`, or `INFO`.
        lines: More of it, each on a line of its own.
        names: `run`, `source`, `archive`, `destination`: what it is about, where that is known.
    """
    record = logging.LogRecord(_TOLD, level, "", 0, "%s", (message,), None)
    record.more = tuple(lines)
    with about(**names):
        return _current().format(record)


def _current() -> logging.Formatter:
    handler = _stderr()
    return (handler.formatter if handler else None) or _formatter(LogFormat.TEXT)


def _stderr() -> "_Stderr | None":
    return next((each for each in logging.getLogger().handlers if isinstance(each, _Stderr)), None)


def _formatter(form: LogFormat) -> logging.Formatter:
    if form is LogFormat.JSON:
        return _Json()
    return _Journal() if is_journal() else _Text()


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at the moment: progress bars take its place for a while."""

    def __init__(self, level: int) -> None:
        logging.Handler.__init__(self, level)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # the base class has an attribute
        return sys.stderr


class _Lines(logging.Formatter):
    """Makes a record into lines that are fit to be printed, whoever wrote their text."""

    def lines(self, record: logging.LogRecord) -> Iterator[str]:
        """The message, what more a verb tells, and the traceback, indented."""
        yield record.getMessage()
        yield from getattr(record, "more", ())
        if record.exc_info:
            for line in self.formatException(record.exc_info).splitlines():
                yield f"  {line}"


class _Text(_Lines):
    """A level in front of what is out of the common: what a verb tells is a problem mostly."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        common = {logging.INFO, logging.ERROR} if record.name == _TOLD else {logging.INFO}
        level = "" if record.levelno in common else f"{record.levelname.lower()}: "
        shown = "\n".join(printable(redact(line)) for line in self.lines(record))
        return f"labferry: {level}{shown}"


class _Journal(_Lines):
    """A priority in front, as sd-daemon(3) has it; the journal adds time and name itself."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        priority = _PRIORITIES.get(record.levelno, 6)
        return "\n".join(f"<{priority}>{printable(redact(line))}" for line in self.lines(record))


class _Json(_Lines):
    """One object a line; its keys are documented with the JSON output."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **{name: redact(value) for name, value in log_context().items()},
            "message": redact("\n".join(self.lines(record))),
        }
        return json.dumps(line)
