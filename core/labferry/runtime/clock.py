"""The time as one run sees it."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Begins with the system's time and then only moves on as fast as time does.

    So waits, deadlines and timeouts of a run stay what they were meant to be while the system's
    clock is set forward or back under it.
    """

    def __init__(self) -> None:
        self._counted = time.monotonic()
        self.began = datetime.now(UTC)
        """When the clock was started."""

    def now(self) -> datetime:
        """The time, UTC."""
        return self.began + timedelta(seconds=time.monotonic() - self._counted)
