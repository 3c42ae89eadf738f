"""Threads of a run, and the patience with them once it is to stop."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from threading import Thread

from typing_extensions import override

from labferry.runtime.stop import Stop

_GRACE = 3.5
"""Seconds for the threads to come to a safe end once a run is to stop; then the process ends
under them, which is safe as well."""
_LOOK = 0.1


class Pulse:
    """When a thread that asks a server last heard of it."""

    def __init__(self) -> None:
        self._since: float | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """The thread waits for a server until the block ends."""
        self.beat()
        try:
            yield
        finally:
            self._since = None

    def beat(self) -> None:
        """The server said something worth the wait."""
        self._since = time.monotonic()

    @property
    def silence(self) -> float:
        """For how many seconds the thread has been waiting for the server; 0 if it does not."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since


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
            thread.start()
            self._threads.append(thread)

    def wait(
        self, threads: Collection[Thread], give_up: Callable[[Thread], bool] | None = None
    ) -> None:
        """Return when they have ended, or the patience has.

        Args:
            threads: The threads.
            give_up: Asked again and again about each one that works: whether to wait for it no
                longer.
        """
        left = list(threads)
        while left and not self._is_over():
            left = [each for each in left if each.is_alive() and not (give_up and give_up(each))]
            if left:
                left[0].join(_LOOK)

    def _is_over(self) -> bool:
        if self._stop.requested and self._give_up_at is None:
            self._give_up_at = time.monotonic() + _GRACE
            self._on_stop()
        return self._give_up_at is not None and time.monotonic() > self._give_up_at
