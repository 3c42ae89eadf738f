"""Threads of a run, and the patience with them once it is to stop."""

import time
from collections.abc import Callable, Collection
from threading import Thread

from typing_extensions import override

from labferry.runtime.stop import Stop

_GRACE = 3.5
"""Seconds for the threads to come to a safe end once a run is to stop; then the process ends
under them, which is safe as well."""
_LOOK = 0.1


class Task(Thread):
    """A function on a thread of its own, so that a signal finds the main thread free.

    Args:
        name: What it does, in a word.
        function: What to call.
    """

    def __init__(self, name: str, function: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._function = function
        self._error: BaseException | None = None

    @override
    def run(self) -> None:
        try:
            self._function()
        except BaseException as error:  # noqa: BLE001 - it is raised where it was called for
            self._error = error

    def check(self) -> None:
        """Raise what the function raised, if it did."""
        if self._error is not None:
            raise self._error


class ThreadSupervisor:
    """Waits for threads; once the run is to stop, for a moment only, all of them together.

    Args:
        stop: Says that the run is to stop.
        on_stop: Called once then, to free those who wait for each other.
    """

    def __init__(self, stop: Stop, on_stop: Callable[[], None]) -> None:
        self._stop = stop
        self._on_stop = on_stop
        self._give_up_at: float | None = None
        self._threads: list[Thread] = []

    @property
    def has_live_threads(self) -> bool:
        """Whether some did not come to their end."""
        return any(thread.is_alive() for thread in self._threads)

    def start(self, threads: Collection[Thread]) -> None:
        """Set threads to work."""
        for thread in threads:
            self._threads.append(thread)
            thread.start()

    def wait(self, threads: Collection[Thread]) -> None:
        """Return when they have ended, or the patience has."""
        for thread in threads:
            while thread.is_alive() and not self._is_over():
                thread.join(_LOOK)

    def _is_over(self) -> bool:
        if self._stop.requested and self._give_up_at is None:
            self._give_up_at = time.monotonic() + _GRACE
            self._on_stop()
        return self._give_up_at is not None and time.monotonic() > self._give_up_at
