"""How long a server asks to be left alone.

With throttling off, RSpace still sends its rate-limit headers, constant and without meaning. So
they count only where a request was refused for its frequency, or the budget is really used up.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx

from labferry.sdk import http_headers
from labferry.sdk.http_headers import number

_SANE_YEARS = range(1990, 2200)


def asked_wait(headers: httpx.Headers) -> float:
    """Seconds to wait after a good answer: 0 unless the budget is used up."""
    return _millis(headers) or 0.0 if any(left < 1 for left in _remaining(headers)) else 0.0


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait after a refusal; None if the server did not say."""
    waits = [
        wait for wait in (_millis(headers), http_headers.retry_after(headers)) if wait is not None
    ]
    return max(waits, default=None)


def slot_wait(headers: httpx.Headers) -> float | None:
    """Seconds to wait while another export runs; None if the server did not say."""
    return max(asked_wait(headers), http_headers.retry_after(headers) or 0.0) or None


def parsed(value: object) -> datetime | None:
    """A moment as RSpace writes it in JSON; None if it is something else, or can't be meant."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None:
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment is not None and moment.year in _SANE_YEARS else None


def _remaining(headers: httpx.Headers) -> Iterator[float]:
    for name, value in headers.items():
        if name.startswith("x-rate-limit-remaining"):
            left = number(value)
            if left is not None:
                yield left


def _millis(headers: httpx.Headers) -> float | None:
    millis = number(headers.get("x-rate-limit-waittimemillis", ""))
    return None if millis is None else min(millis / 1000, http_headers.LONGEST_WAIT)
