"""Waiting that the run can end: while it stops, and when its time is over.

The core says what ends a wait, with `interruptible`; whatever waits for a server or a disk asks
`check` at least every `INTERVAL` seconds, or waits with `pause`.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["INTERVAL", "check", "interruptible", "pause"]

_log = logging.getLogger(__name__)

INTERVAL = 0.5
"""Seconds between two calls of `check` while something waits."""

_WORTH_A_LINE = 5.0

_checks: ContextVar[tuple[Callable[[], None], ...]] = ContextVar("checks", default=())


@contextmanager
def interruptible(check: Callable[[], None]) -> Iterator[None]:
    """Let every wait within the block call `check`, on this thread.

    A thread that is started within the block begins without it, as with any context variable:
    start it with `contextvars.copy_context().run`.

    Args:
        check: Returns at once, or raises what ends the wait: `StoppedError` once the run is to
            stop, `NotFinishedError` when its time is over.
    """
    token = _checks.set((*_checks.get(), check))
    try:
        yield
    finally:
        _checks.reset(token)


def check() -> None:
    """Return at once, or raise what ends the run's waits."""
    for each in _checks.get():
        each()


def pause(seconds: float, reason: str = "") -> None:
    """Wait, but no longer than the run does.

    Args:
        seconds: How long.
        reason: What for; a wait of more than a few seconds is logged with it.
    """
    if reason and seconds > _WORTH_A_LINE:
        _log.info("waiting %.0f s: %s", seconds, reason)
    ends = time.monotonic() + seconds
    check()
    while (left := ends - time.monotonic()) > 0:
        time.sleep(min(left, INTERVAL))
        check()
