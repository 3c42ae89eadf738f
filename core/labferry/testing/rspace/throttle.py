"""Rate limits as RSpace counts them (APIRequestThrottlingInterceptor, ProdAPIConfig)."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from labferry.testing.rspace.messages import ApiProblem

# What a server with throttling off sends: constant, and without meaning.
OFF_HEADERS = {
    "X-Rate-Limit-Limit": "10",
    "X-Rate-Limit-Remaining": "10.0",
    "X-Rate-Limit-WaitTimeMillis": "100",
    "X-Rate-Limit-MinWaitIntervalMillis": "100",
}
_EVERYBODY = "global-id"
# A bucket with less than this refuses, so that one request less than the nominal limit passes.
_REFUSED_BELOW = 2


@dataclass(frozen=True)
class Limit:
    """So many requests in so many seconds."""

    requests: int
    seconds: float


@dataclass(frozen=True)
class Throttling:
    """Limits per credential, for all users together, and for the Inventory; make them small.

    One request less than nominal passes. ``min_interval_ms`` lies between any two requests,
    whoever sends them.
    """

    quarter_min: Limit = Limit(15, 15)
    hour: Limit = Limit(1000, 3600)
    day: Limit = Limit(5000, 86400)
    everybody: Limit = Limit(75, 15)
    inventory_hour: Limit = Limit(1_000_000, 3600)
    min_interval_ms: int = 1

    def own(self) -> dict[str, Limit]:
        """The limits per credential, by the names in the headers."""
        return {"quarter_min": self.quarter_min, "hour": self.hour, "day": self.day}


@dataclass
class _Bucket:
    limit: Limit
    allowance: float
    checked: float

    def fill(self, now: float) -> None:
        gained = (now - self.checked) * self.limit.requests / self.limit.seconds
        self.allowance = min(self.limit.requests, self.allowance + gained)
        self.checked = now

    def wait_millis(self) -> int:
        missing = max(0.0, _REFUSED_BELOW - self.allowance)
        return math.ceil(missing * self.limit.seconds / self.limit.requests * 1000)

    def take(self) -> None:
        if self.allowance < _REFUSED_BELOW:
            raise too_many(
                "Too many requests: please restrict requests to no more than "
                f"{self.limit.requests} per {self.limit.seconds:.0f}  seconds on average"
            )
        self.allowance -= 1


def too_many(message: str) -> ApiProblem:
    """429/42901, the same for throttling and for a running export; never with Retry-After."""
    return ApiProblem(429, 42901, message)


@dataclass
class Throttle:
    """Counts requests; ``settings`` None is a server with throttling off."""

    clock: Callable[[], float]
    settings: Throttling | None = None
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)
    _last: float = -math.inf
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, credential: str, headers: dict[str, str], *, inventory: bool) -> None:
        """Count one request and fill in the headers, which show the state before it.

        Raises:
            ApiProblem: 429/42901.
        """
        if self.settings is None:
            headers.update(OFF_HEADERS)
            return
        with self._lock:
            if inventory:
                self._inventory(credential, headers, self.settings)
            else:
                self._ordinary(credential, headers, self.settings)

    def _bucket(self, owner: str, name: str, limit: Limit) -> _Bucket:
        now = self.clock()
        bucket = self._buckets.setdefault((owner, name), _Bucket(limit, limit.requests, now))
        bucket.fill(now)
        return bucket

    def _ordinary(self, credential: str, headers: dict[str, str], settings: Throttling) -> None:
        own = {name: self._bucket(credential, name, each) for name, each in settings.own().items()}
        for name, bucket in own.items():
            suffix = "" if name == "quarter_min" else f"-{name}"
            headers[f"X-Rate-Limit-Limit{suffix}"] = str(bucket.limit.requests)
            headers[f"X-Rate-Limit-Remaining{suffix}"] = str(bucket.allowance)
            wait = str(bucket.wait_millis())
            headers[f"X-Rate-Limit-WaitTimeTillNextRequestMillis-{name}"] = wait
        waits = [bucket.wait_millis() for bucket in own.values()]
        headers["X-Rate-Limit-MinWaitIntervalMillis"] = str(settings.min_interval_ms)
        headers["X-Rate-Limit-WaitTimeMillis"] = str(max(*waits, settings.min_interval_ms))
        self._check_interval(settings)
        for bucket in (*own.values(), self._bucket(_EVERYBODY, "all", settings.everybody)):
            bucket.take()

    def _inventory(self, credential: str, headers: dict[str, str], settings: Throttling) -> None:
        bucket = self._bucket(credential, "inventory", settings.inventory_hour)
        wait = str(bucket.wait_millis())
        headers["X-Rate-Limit-Limit-Inv-hour"] = str(bucket.limit.requests)
        headers["X-Rate-Limit-Remaining-Inv-hour"] = str(bucket.allowance)
        headers["X-Rate-Limit-WaitTimeTillNextRequestMillis-Inv-hour"] = wait
        headers["X-Rate-Limit-WaitTimeMillis"] = wait
        bucket.take()

    def _check_interval(self, settings: Throttling) -> None:
        now = self.clock()
        gap, self._last = (now - self._last) * 1000, now
        if gap < settings.min_interval_ms:
            raise too_many(
                "Requests were too frequent - please allow at least "
                f"{settings.min_interval_ms} ms between requests. "
                f"Last interval between requests was only {gap:.0f} ms"
            )
