"""Log lines on stderr: text for people, text for the journal, or JSON for machines."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from typing_extensions import override

from labferry.engine.logcontext import log_context
from labferry.sdk import redact

__all__ = ["LogFormat", "start_logging"]

_CHATTY = ("asyncssh", "botocore", "filelock", "httpcore", "httpx", "s3fs")
"""Libraries whose log lines are about themselves, or hold addresses with their signatures."""
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}


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


def _formatter(form: LogFormat) -> logging.Formatter:
    if form is LogFormat.JSON:
        return _Json()
    return _Journal() if _is_journal(sys.stderr) else _Text()


def _is_journal(stream: TextIO) -> bool:
    """Whether a stream is the one that systemd reads: it names its device and inode."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at the moment: progress bars take its place for a while."""

    def __init__(self, level: int) -> None:
        logging.Handler.__init__(self, level)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # the base class has an attribute
        return sys.stderr


class _Text(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
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
