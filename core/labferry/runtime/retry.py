"""Trying again: how often, and how long to pause before.

Every verb retries by these rules. Only a TransientError is retried: everything else that a plugin
raises says that another try would end the same way.
"""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

from labferry.runtime.stop import Stop
from labferry.sdk import TransientError, redact

ResultT = TypeVar("ResultT")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient to be. All times are in seconds.

    Attributes:
        tries: How many tries in a row may fail; None for no limit.
        patience: How long tries may fail, from the first failure on; None for no limit.
        first_pause: The pause after the first failure; each further failure doubles it.
        longest_pause: What the pause grows to at most.
        longest_wish: How much of the pause that the other side asks for (`Retry-After`) counts.
        time_left: How long the run may still wait (`max_wait`), None if it may wait for ever. No
            wish counts beyond it, and without a limit for tries, it is the limit.
        clock: Tells the time.
        waiting: Shows, during a pause, what is waited for.
    """

    tries: int | None = 5
    patience: float | None = None
    first_pause: float = 1.0
    longest_pause: float = 60.0
    longest_wish: float = 900.0
    time_left: Callable[[], float | None] | None = None
    clock: Callable[[], float] = time.monotonic
    waiting: Callable[[str], AbstractContextManager[None]] | None = None

    def pause(self, failures: int, error: TransientError) -> float:
        """How long to pause after so many failures in a row, from 1 on, if there is time."""
        own = min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 32))
        left = self._left()
        longest_wish = self.longest_wish if left is None else min(self.longest_wish, left)
        return max(own, min(error.retry_after or 0.0, longest_wish))

    def next_pause(self, failures: int, failing_for: float, error: TransientError) -> float | None:
        """How long to pause before the next try; None if there is none.

        The last pause is cut short, so that the last try is at the limit, not long before it.

        Args:
            failures: How many there were in a row, from 1 on.
            failing_for: Since when, in seconds.
            error: The newest one.
        """
        if self.tries is not None and failures >= self.tries:
            return None
        pause, left = self.pause(failures, error), self._left()
        room = float("inf") if self.patience is None else self.patience - failing_for
        if self.tries is None and left is not None:
            # A few tries are soon over; only what could go on for long ends with the run's time.
            room = min(room, left)
        return min(pause, room) if room > 0 else None

    def _left(self) -> float | None:
        return self.time_left() if self.time_left is not None else None


def retry(
    act: Callable[[], ResultT],
    stop: Stop,
    subject: str,
    policy: RetryPolicy | None = None,
    *,
    reached: Callable[[], float] | None = None,
    is_hopeless: Callable[[], bool] | None = None,
) -> ResultT:
    """Do something, and again if it fails in a way that may pass.

    Args:
        act: What to do.
        stop: Ends it, also during a pause.
        subject: What it is about, for the log.
        policy: How patient to be; five tries by default.
        reached: How far it is. If a try came further than all before, failures count from zero.
        is_hopeless: Asked after a failure: whether another try makes no sense.

    Raises:
        TransientError: What the last try ended with.
        StoppedError: A signal came.
    """
    policy = policy or RetryPolicy()
    furthest = reached() if reached is not None else 0.0
    failures, began = 0, 0.0
    while True:
        stop.check()
        try:
            return act()
        except TransientError as error:
            now = policy.clock()
            if reached is not None and (far := reached()) > furthest:
                furthest, failures = far, 0
            if not failures:
                began = now
            failures += 1
            pause = policy.next_pause(failures, now - began, error)
            if error.is_hopeless or (is_hopeless is not None and is_hopeless()):
                raise
            if pause is None:
                raise
            reason = redact(str(error))
            _log.info("%s: %s Trying again in %g s.", subject, reason, pause)
        with nullcontext() if policy.waiting is None else policy.waiting(reason):
            stop.wait(pause)
