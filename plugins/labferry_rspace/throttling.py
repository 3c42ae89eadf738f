"""How long a server asks to be left alone.

With throttling off, RSpace still sends its rate-limit headers, constant and without meaning. So
they count only where a request was refused for its frequency, or the budget is really used up.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

_MOST = 86400.0


def asked_wait(headers: httpx.Headers) -> float:
    """Seconds to wait after a good answer: 0 unless the budget is used up."""
    return _millis(headers) or 0.0 if any(left < 1 for left in _remaining(headers)) else 0.0


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait after a refusal; None if the server did not say."""
    waits = [wait for wait in (_millis(headers), _retry_after(headers)) if wait is not None]
    return max(waits, default=None)


def slot_wait(headers: httpx.Headers) -> float | None:
    """Seconds to wait while another export runs; None if the server did not say."""
    return max(asked_wait(headers), _retry_after(headers) or 0.0) or None


def date(headers: httpx.Headers) -> datetime:
    """The server's clock when it answered; ours if it did not say."""
    return server_clock(headers) or datetime.now(UTC)


def server_clock(headers: httpx.Headers) -> datetime | None:
    """The server's clock when it answered, to the second; None if it did not say."""
    return _date(headers.get("date", ""))


def parsed(value: object) -> datetime | None:
    """A moment as RSpace writes it in JSON; None if it is something else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def number(text: str) -> float | None:
    """A finite number, not negative, as headers have it; None if it is something else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _remaining(headers: httpx.Headers) -> Iterator[float]:
    for name, value in headers.items():
        if name.startswith("x-rate-limit-remaining"):
            left = number(value)
            if left is not None:
                yield left


def _millis(headers: httpx.Headers) -> float | None:
    millis = number(headers.get("x-rate-limit-waittimemillis", ""))
    return None if millis is None else min(millis / 1000, _MOST)


def _retry_after(headers: httpx.Headers) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a date."""
    text = headers.get("retry-after", "")
    seconds = number(text)
    if seconds is None:
        moment = _date(text)
        seconds = (moment - date(headers)).total_seconds() if moment else None
    return None if seconds is None else min(max(seconds, 0.0), _MOST)
