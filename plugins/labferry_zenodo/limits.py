"""How many requests the server still takes, and when it takes more.

The headers `X-RateLimit-…` tell it with every answer. `Retry-After` comes with every answer too,
but means something with status 429 only.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from labferry.sdk import TransientError, waiting
from labferry.sdk.http_headers import number, server_clock

_LONGEST_SLEEP = 65.0
_MOST = 3600.0


@dataclass
class RateLimits:
    """Keeps requests back when their number is used up.

    Servers may count searches apart; after an answer that leaves none, all wait.

    Attributes:
        clock: Seconds that only grow.
        sleep: Waits for some seconds, for a reason.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float, str], None] = waiting.pause
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
            self.sleep(seconds, "the server takes no more requests for now")

    def note(self, headers: httpx.Headers) -> None:
        """Remember what an answer tells."""
        left = number(headers.get("x-ratelimit-remaining", ""))
        reset = number(headers.get("x-ratelimit-reset", ""))
        if left is None or reset is None or left >= 1:
            return
        clock = server_clock(headers)
        wait = reset - (clock.timestamp() if clock else time.time())
        self._free_at = self.clock() + min(max(wait, 0.0), _MOST)
