"""How long to leave a running job alone, from how fast its percentage grows.

A percentage decides nothing but that. RSpace's begins above 0, counts records however large they
are, stops near 91 or reads 100 while the archive is packed, and is -1 in between.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from labferry.sdk import JobState, JobStatus

_ALMOST_DONE = 90.0
_MOST_INTERVALS = 10
_LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class _Seen:
    percent: float
    at: float


class Pace:
    """Remembers how far jobs were. Thread-safe.

    Args:
        poll_interval: The shortest wait, in seconds.
        clock: Seconds that only grow.
    """

    def __init__(self, poll_interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = min(_MOST_INTERVALS * poll_interval, _LONGEST)
        self._least = poll_interval
        self._clock = clock
        self._lock = threading.Lock()
        self._first: dict[str, _Seen] = {}

    def paced(self, status: JobStatus) -> JobStatus:
        """The same status, with a longer wait where half of the time that is left is longer."""
        if status.state is not JobState.RUNNING:
            with self._lock:
                self._first.pop(status.job, None)
            return status
        if status.percent is None:
            return status
        wait = min(self._left(status.job, status.percent) / 2, self._most)
        return replace(status, wait=max(status.wait, wait)) if wait > self._least else status

    def _left(self, job: str, percent: float) -> float:
        """Seconds until the records are written, as far as that is known; else 0."""
        now = self._clock()
        with self._lock:
            first = self._first.setdefault(job, _Seen(percent, now))
        done, took = percent - first.percent, now - first.at
        if done <= 0 or percent >= _ALMOST_DONE:
            return 0.0
        return (_ALMOST_DONE - percent) * took / done
