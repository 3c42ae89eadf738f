"""The last lines that were logged in a run, for those who get a report of it."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from typing_extensions import override

from labferry.sdk import redact

_LINES = 100
_LONGEST = 2000


class RunLog(logging.Handler):
    """Keeps the last lines: warnings and errors of everybody, what goes well of labferry alone."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._kept: deque[str] = deque(maxlen=_LINES)

    @property
    def lines(self) -> tuple[str, ...]:
        """What was kept, the oldest first, without secrets."""
        return tuple(self._kept)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING and not record.name.startswith("labferry"):
            return
        try:
            text = " ".join(record.getMessage().split())
        except Exception:  # noqa: BLE001 - a plugin's log line whose arguments don't fit it
            self.handleError(record)
            return
        self._kept.append(f"{record.levelname.lower()}: {redact(text)[:_LONGEST]}")


@contextmanager
def run_log() -> Iterator[RunLog]:
    """Keep the lines of a run, whatever the caller sees."""
    log = RunLog()
    logger = logging.getLogger()
    before = logger.level
    logger.addHandler(log)
    # What is shown of a line is decided by the handlers that show it.
    logger.setLevel(min(before, logging.INFO))
    try:
        yield log
    finally:
        logger.setLevel(before)
        logger.removeHandler(log)
