"""Lines on stderr: text for people, text for the journal, or JSON for machines."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from typing_extensions import override

from labferry.runtime.log_context import about, log_context
from labferry.sdk import redact

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


def told_line(message: str, level: int, **names: str | None) -> str:
    """What a verb tells, as it looks among the log lines, without secrets.

    Args:
        message: What it tells.
        level: `logging.ERROR` for a problem, `WARNING`, or `INFO`.
        names: `run`, `source`, `archive`, `destination`: what it is about, where that is known.
    """
    record = logging.LogRecord(_TOLD, level, "", 0, message, None, None)
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


class _Text(logging.Formatter):
    """A level in front of what is out of the common: what a verb tells is a problem mostly."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        common = {logging.INFO, logging.ERROR} if record.name == _TOLD else {logging.INFO}
        level = "" if record.levelno in common else f"{record.levelname.lower()}: "
        return redact(f"labferry: {level}{super().format(record)}")


class _Journal(logging.Formatter):
    """A priority in front, as sd-daemon(3) has it; the journal adds time and name itself."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        priority = _PRIORITIES.get(record.levelno, 6)
        text = redact(super().format(record))
        return "\n".join(f"<{priority}>{line}" for line in text.splitlines() or [""])


class _Json(logging.Formatter):
    """One object a line; its keys are documented with the JSON output."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **log_context(),
            "message": super().format(record),
        }
        return redact(json.dumps(line, ensure_ascii=False))
