"""Time in pieces: few enough to be drawn, whatever the time is."""

from collections.abc import Sequence
from datetime import date, timedelta

from labferry.report_page.document import Period

MOST = 60
"""How many pieces there are at most."""

_FEWEST = 14
_DAYS = (1, 7, 28, 91, 364)


def periods(first: date, last: date) -> Sequence[Period]:
    """Pieces of equal length from one day to another, the shortest that are few enough.

    Those of weeks begin on Mondays. There are two weeks of days at least.
    """
    first = min(first, last - timedelta(days=_FEWEST - 1))
    days = next((days for days in _DAYS if _count(first, last, days) <= MOST), 0)
    while not days or _count(first, last, days) > MOST:
        days = max(2 * days, 2 * _DAYS[-1])
    begin = _begin(first, days)
    count = _count(first, last, days)
    return [Period(begin + timedelta(days=days * place), days) for place in range(count)]


def _begin(first: date, days: int) -> date:
    return first if days == 1 else first - timedelta(days=first.weekday())


def _count(first: date, last: date, days: int) -> int:
    return (last - _begin(first, days)).days // days + 1
