"""How many requests the server still takes, and when it takes more.

The headers `X-RateLimit-…` tell it with every answer. `Retry-After` comes with every answer too,
but means something with status 429 only.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from labferry.sdk import TransientError

_LONGEST_SLEEP = 65.0
_MOST = 3600.0


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait after a 429; None if the server did not say."""
    text = headers.get("retry-after", "")
    seconds = _number(text)
    if seconds is None:
        moment, now = _moment(text), _moment(headers.get("date", ""))
        seconds = None if moment is None else moment - (time.time() if now is None else now)
    return None if seconds is None else min(max(seconds, 0.0), _MOST)


@dataclass
class RateLimits:
    """Keeps requests back when their number is used up.

    Servers may count searches apart; after an answer that leaves none, all wait.

    Attributes:
        clock: Seconds that only grow.
        sleep: Waits for some seconds.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _free_at: float = 0.0

    def wait(self) -> None:
        """Return when a request may go out.

        Raises:
            TransientError: That takes too long to stand and wait for.
        """
        seconds = self._free_at - self.clock()
        if seconds > _LONGEST_SLEEP:
            raise TransientError(
                f"The server takes no more requests for {seconds:.0f} s: its limit is used up.",
                retry_after=seconds,
            )
        if seconds > 0:
            self.sleep(seconds)

    def note(self, headers: httpx.Headers) -> None:
        """Remember what an answer tells."""
        left = _number(headers.get("x-ratelimit-remaining", ""))
        reset = _number(headers.get("x-ratelimit-reset", ""))
        if left is None or reset is None or left >= 1:
            return
        now = _moment(headers.get("date", ""))
        wait = reset - (time.time() if now is None else now)
        self._free_at = self.clock() + min(max(wait, 0.0), _MOST)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
