"""What a retention keeps: the rules of restic's `forget`, as its manual and its results have them.

https://restic.readthedocs.io/en/stable/060_forget.html

Hours, days, weeks, months and years are those of UTC. Times in UTC never repeat and never skip,
so a change to or from summer time neither merges two hours nor splits one, and every machine
comes to the same result wherever it is.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from labferry.retention.series import by_series, moment_of
from labferry.sdk import Retention, StoredArchive
from labferry.sdk.settings import format_duration


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one stored archive.

    Attributes:
        archive: The archive.
        keep: Whether it stays.
        reasons: Why it stays, such as `daily`; none where it does not.
    """

    archive: StoredArchive
    keep: bool
    reasons: tuple[str, ...]


def decide(
    archives: Iterable[StoredArchive], retention: Retention, now: datetime
) -> Sequence[Decision]:
    """Judge every archive by the rules, each series by itself.

    What any rule keeps is kept. A rule keeps the newest archive of each of so many hours, days
    and so on, the latest ones that have an archive. A rule that finds fewer keeps the oldest
    archive of the series as well, so that history grows as long as it was meant to be.

    Args:
        archives: What a destination holds, in any order.
        retention: The rules.
        now: The time, UTC. `keep_within` counts from the newest archive that is not of the
            future, and keeps those of the future: a clock was wrong.

    Returns:
        One decision for each archive, by series, newest first.
    """
    return [
        decision
        for series in by_series(archives).values()
        for decision in _decide_series(series, retention, now)
    ]


def _decide_series(
    archives: Sequence[StoredArchive], retention: Retention, now: datetime
) -> Sequence[Decision]:
    moments = [moment_of(stored) for stored in archives]
    reasons: list[list[str]] = [[] for _ in archives]
    if retention.keep_within is not None:
        for index in _within(moments, retention.keep_within, now):
            reasons[index].append(f"within {format_duration(retention.keep_within)}")
    for name, count, period in _rules(retention):
        for index, reason in _newest_of_each(moments, name, count, period):
            reasons[index].append(reason)
    return [
        Decision(stored, bool(why), tuple(why))
        for stored, why in zip(archives, reasons, strict=True)
    ]


_Period = Callable[[int, datetime], object]


def _rules(retention: Retention) -> Sequence[tuple[str, int, _Period]]:
    return (
        ("last", retention.keep_last, lambda index, _: index),
        ("hourly", retention.keep_hourly, lambda _, moment: (moment.date(), moment.hour)),
        ("daily", retention.keep_daily, lambda _, moment: moment.date()),
        ("weekly", retention.keep_weekly, lambda _, moment: moment.isocalendar()[:2]),
        ("monthly", retention.keep_monthly, lambda _, moment: (moment.year, moment.month)),
        ("yearly", retention.keep_yearly, lambda _, moment: moment.year),
    )


def _within(moments: Sequence[datetime], length: timedelta, now: datetime) -> Iterable[int]:
    newest = next((moment for moment in moments if moment < now), None)
    for index, moment in enumerate(moments):
        if newest is None or newest - moment < length:
            yield index


def _newest_of_each(
    moments: Sequence[datetime], name: str, count: int, period: _Period
) -> Iterable[tuple[int, str]]:
    """What a rule keeps of a series, given newest first: index and reason."""
    last: object = None
    for index, moment in enumerate(moments):
        if count == 0:
            return
        current = period(index, moment)
        if current != last:
            yield index, name
            count -= 1
        elif index == len(moments) - 1:
            yield index, f"oldest {name}"
        last = current
