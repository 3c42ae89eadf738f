"""Numbers and times in the headers of HTTP answers. Nonsense reads as None, never as an error."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["content_range", "date", "length", "moment", "number", "retry_after", "server_clock"]

LONGEST_WAIT = 86400.0
"""Seconds; no server's wish counts for more."""

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_SANE_YEARS = range(1990, 2200)


def number(text: str) -> float | None:
    """A finite number, not negative; None if the text is something else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def moment(text: str) -> datetime | None:
    """An HTTP date in UTC; None if the text is something else, or a year that can't be meant."""
    try:
        when = parsedate_to_datetime(text)
        when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if when.year in _SANE_YEARS else None


def server_clock(headers: Mapping[str, str]) -> datetime | None:
    """The server's clock when it answered, to the second; None if it did not say."""
    return moment(headers.get("date", ""))


def date(headers: Mapping[str, str]) -> datetime:
    """The server's clock when it answered; this machine's if the server did not say."""
    return server_clock(headers) or datetime.now(UTC)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to be left alone, from `Retry-After` (RFC 9110, 10.2.3).

    Returns:
        Between 0 and one day; None if the server did not say.
    """
    text = headers.get("retry-after", "")
    seconds = number(text)
    if seconds is None:
        until = moment(text)
        seconds = (until - date(headers)).total_seconds() if until else None
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_WAIT)


def length(headers: Mapping[str, str]) -> int | None:
    """The `Content-Length`; None if there is none that makes sense."""
    text = headers.get("content-length", "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def content_range(headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Where a part begins and how large the whole is, from `Content-Range`; None if unknown."""
    match = _RANGE.fullmatch(headers.get("content-range", ""))
    if match is None:
        return None, None
    return int(match[1]), None if match[3] == "*" else int(match[3])
