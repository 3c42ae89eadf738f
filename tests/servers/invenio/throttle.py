"""Rate limits, and the headers that every answer carries."""

import math
import threading
from dataclasses import dataclass, field

from tests.servers.invenio.messages import Problem
from tests.servers.invenio.options import InvenioOptions, RateLimit


@dataclass
class _Window:
    """Fixed, not sliding: it begins with its first request."""

    ends: float
    used: int = 0


@dataclass
class Throttle:
    """Counts requests per caller; the headers show the state behind this request."""

    options: InvenioOptions
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, caller: str, headers: dict[str, str], *, search: bool) -> None:
        """Count one request and fill in the headers.

        Raises:
            Problem: 429.
        """
        limit, pool = self.options.rate, "all"
        if search and self.options.search_rate is not None:
            limit, pool = self.options.search_rate, "search"
        with self._lock:
            self._count(caller, pool, limit, headers)

    def _count(self, caller: str, pool: str, limit: RateLimit, headers: dict[str, str]) -> None:
        now = self.options.clock()
        window = self._windows.get((caller, pool))
        if window is None or window.ends <= now:
            window = self._windows[caller, pool] = _Window(now + limit.seconds)
        window.used += 1
        headers["X-RateLimit-Limit"] = str(limit.requests)
        headers["X-RateLimit-Remaining"] = str(max(0, limit.requests - window.used))
        headers["X-RateLimit-Reset"] = str(math.ceil(window.ends))
        headers["Retry-After"] = str(max(1, math.ceil(window.ends - now)))
        if window.used > limit.requests:
            raise Problem(429, f"{limit.requests} per {limit.seconds:.0f} seconds")
