"""Waiting that the run can end: while it stops, and when its time is over.

The core says what ends a wait, with `interruptible`; whatever waits for a server or a disk asks
`check` at least every `INTERVAL` seconds, or waits with `pause`.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from labferry.sdk.errors import NotFinishedError

__all__ = ["INTERVAL", "SLOWEST", "WINDOW", "LeastSpeed", "check", "interruptible", "pause"]

_log = logging.getLogger(__name__)

INTERVAL = 0.5
"""Seconds between two calls of `check` while something waits."""

SLOWEST = 1024
"""Bytes a second; what comes or goes more slowly on average is given up."""

WINDOW = 300.0
"""Seconds of waiting over which that average is taken."""

_WORTH_A_LINE = 5.0

_checks: ContextVar[tuple[Callable[[], None], ...]] = ContextVar("checks", default=())
_times_left: ContextVar[tuple[Callable[[], float | None], ...]] = ContextVar(
    "times_left", default=()
)


class LeastSpeed:
    """Tells a transfer that comes on from one that trickles.

    Args:
        window: Seconds of waiting over which the average is taken.
    """

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._bytes = 0
        self._waited = 0.0

    def count(self, size: int, seconds: float) -> str:
        """Take in bytes, and how long they were waited for.

        Returns:
            In words, why the transfer is too slow; empty if it is not.
        """
        self._bytes += size
        self._waited += seconds
        if self._waited < self._window:
            return ""
        told = f"only {self._bytes} bytes in {self._waited:.0f} s"
        is_slow = self._bytes < SLOWEST * self._waited
        self._bytes, self._waited = 0, 0.0
        return told if is_slow else ""


@contextmanager
def interruptible(
    check: Callable[[], None], time_left: Callable[[], float | None] | None = None
) -> Iterator[None]:
    """Let every wait within the block call `check`, on this thread.

    A thread that is started within the block begins without it, as with any context variable:
    start it with `contextvars.copy_context().run`.

    Args:
        check: Returns at once, or raises what ends the wait: `StoppedError` once the run is to
            stop, `NotFinishedError` when its time is over.
        time_left: For how many seconds pauses may still last; None if there is no limit. Work
            that is no pause is not limited.
    """
    limits = () if time_left is None else (time_left,)
    token = _checks.set((*_checks.get(), check))
    token_of_limits = _times_left.set((*_times_left.get(), *limits))
    try:
        yield
    finally:
        _times_left.reset(token_of_limits)
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

    Raises:
        NotFinishedError: The run's time would be over before.
        StoppedError: The run is being stopped.
    """
    check()
    lefts = [left for time_left in _times_left.get() if (left := time_left()) is not None]
    if seconds > min(lefts, default=seconds):
        raise NotFinishedError(
            f"This run may not wait any longer (max_wait){f': {reason}' if reason else ''}.",
            hint="The next run goes on from here.",
        )
    if reason and seconds > _WORTH_A_LINE:
        _log.info("waiting %.0f s: %s", seconds, reason)
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        time.sleep(min(left, INTERVAL))
        check()
