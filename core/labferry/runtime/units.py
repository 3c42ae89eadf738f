"""Sizes, times, ages and names, written for people."""

from collections.abc import Sequence
from datetime import UTC, datetime

from labferry.sdk import Names

_UNITS = ("kB", "MB", "GB", "TB")
_THOUSAND = 1000
_MINUTE = 60
_DAY = 24


def show_size(size: int) -> str:
    """A size: `1 byte`, `10.1 kB`, `2.5 GB`."""
    if size < _THOUSAND:
        return f"{size} byte{'' if size == 1 else 's'}"
    amount, unit = size / _THOUSAND, _UNITS[0]
    for larger in _UNITS[1:]:
        if round(amount, 1) < _THOUSAND:
            break
        amount, unit = amount / _THOUSAND, larger
    return f"{amount:.1f} {unit}"


def show_seconds(seconds: float) -> str:
    """A length of time: `0.3 s`, `12 min`, `1 h 05 min`, `3 d 4 h`."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / _MINUTE), 60)
    if hours >= _DAY:
        return f"{hours // _DAY} d {hours % _DAY} h"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def show_moment(moment: datetime) -> str:
    """A moment, to the minute, in UTC: `2026-03-01 12:00`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def show_names(names: Sequence[Names]) -> str:
    """Whose work something holds: `Alice Archer (alice)`, or `3 groups, 12 users`."""
    if len(names) == 1:
        return str(names[0])
    groups = sum(each.group_name is not None for each in names)
    counts = {"group": groups, "user": len(names) - groups}
    return ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items() if n)
