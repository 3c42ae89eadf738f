"""Gathers the figures of a report from the ledger."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from statistics import median

from labferry import __version__
from labferry.actions.report.figures import (
    MOST,
    Coverage,
    Ended,
    Failed,
    LatestRun,
    Period,
    Point,
    Report,
    Series,
    Unread,
    periods,
)
from labferry.actions.session import Session
from labferry.actions.status import status
from labferry.config import Config
from labferry.ledger import History, KnownNames, Run, existing_ledger, ledger_file
from labferry.sdk import ExitCode, Names, StateError

_Known = Mapping[tuple[str, str], KnownNames]

_LATEST = 20
_SERIES = 100
_UNREAD = 25
_FAILURES = 50
_AGES = {"week": timedelta(days=7), "month": timedelta(days=30), "quarter": timedelta(days=90)}
_PLACES: Mapping[int | None, str] = {
    **dict(enumerate((*_AGES, "older"))),
    None: "never",
    -1: "bad",
}
_ENDED: Mapping[int, Ended] = {ExitCode.OK: Ended.COMPLETE, ExitCode.PARTIAL: Ended.PARTIAL}


@dataclass(frozen=True, slots=True)
class _Begun:
    """A run, and the day that it counts to."""

    run: Run
    day: date
    seconds: float | None


def report(session: Session, max_age: timedelta, now: datetime) -> Report:
    """All that the report shows, from the ledger alone; without one, there is nothing yet.

    Args:
        session: The configuration.
        max_age: How old a last success may be.
        now: The time.

    Raises:
        StateError: The ledger can't be used.
    """
    config = session.config
    whole = Report(now, __version__, str(config.path), max_age, status(session))
    with existing_ledger(config.state_dir) as ledger:
        if ledger is None:
            return whole
        try:
            return _with_past(whole, config, ledger.past, ledger.names.all())
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            raise StateError(
                f"The ledger {ledger_file(config.state_dir)} is damaged.",
                hint="The next sync sets it aside and begins a new one.",
            ) from error


def _with_past(whole: Report, config: Config, past: History, names: _Known) -> Report:
    now = whole.generated
    begun = [_begun(run, now) for run in past.runs()]
    series = _series(past, names)
    destinations = tuple(config.destinations)
    unread = [each for name in destinations for each in _unread(past, name, names)]
    failures, all_failures = past.failures(_FAILURES)
    held = {name: past.held(name) for name in destinations}
    shown = sorted(unread, key=_worst)[:_UNREAD]
    return replace(
        whole,
        runs=len(begun),
        periods=_periods(begun, past, now),
        latest=[_latest(each) for each in reversed(begun[-_LATEST:])],
        series=series[:_SERIES],
        more_series=max(0, len(series) - _SERIES),
        coverage=[_coverage(past, name, held[name][1], now) for name in destinations],
        unread=shown,
        more_unread=sum(count for count, _ in held.values()) - len(shown),
        failures=[
            Failed(each.source, each.destination, each.message, each.count, each.first, each.last)
            for each in failures
        ],
        more_failures=all_failures - len(failures),
    )


def _begun(run: Run, now: datetime) -> _Begun:
    seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at else None
    # A clock that was set back meanwhile says nothing of a length of time.
    is_sound = seconds is not None and seconds >= 0
    day = min(run.started_at, now).astimezone(UTC).date()
    return _Begun(run, day, seconds if is_sound else None)


def _latest(begun: _Begun) -> LatestRun:
    run = begun.run
    return LatestRun(run.id, run.started_at, begun.seconds, _ended(run), run.exit_code)


def _ended(run: Run) -> Ended:
    if run.exit_code is None or ExitCode.is_unfinished(run.exit_code):
        return Ended.UNFINISHED
    return _ENDED.get(run.exit_code, Ended.FAILED)


def _periods(begun: Sequence[_Begun], past: History, now: datetime) -> Sequence[Period]:
    if not begun:
        return ()
    found = periods(min(each.day for each in begun), now.astimezone(UTC).date())
    origin, days = found[0].first, found[0].days
    place = {each.run.id: (each.day - origin).days // days for each in begun}
    seconds: dict[int, list[float]] = defaultdict(list)
    rates: dict[int, list[float]] = defaultdict(list)
    for each in begun:
        period, ended = found[place[each.run.id]], _ended(each.run)
        period.ended[ended] = period.ended.get(ended, 0) + 1
        if each.seconds is not None:
            seconds[place[each.run.id]].append(each.seconds)
    for download in past.downloads():
        at = place[download.run]
        found[at].size += download.size
        if download.seconds > 0:
            rates[at].append(download.size / download.seconds)
    for at, period in enumerate(found):
        period.seconds, period.rates = _middle_and_most(seconds[at]), _middle_and_most(rates[at])
    return found


def _middle_and_most(values: Sequence[float]) -> tuple[float, float] | None:
    return (median(values), max(values)) if values else None


def _series(past: History, names: _Known) -> Sequence[Series]:
    """Every series, the one whose newest archive is largest first."""
    sizes = sorted(past.sizes(), key=lambda each: (each.source, each.series, each.taken))
    found = []
    for (source, name), group in groupby(sizes, key=lambda each: (each.source, each.series)):
        points = [Point(each.taken, each.size) for each in group]
        called = _called(names, source, name)
        found.append(Series(source, name, len(points), _few(points), called))
    return sorted(found, key=lambda each: -each.points[-1].size)


def _called(names: _Known, source: str, series: str) -> Names:
    known = names.get((source, series))
    return known.names if known is not None else Names()


def _few(points: Sequence[Point]) -> Sequence[Point]:
    if len(points) <= MOST:
        return points
    return [points[place * (len(points) - 1) // (MOST - 1)] for place in range(MOST)]


def _coverage(past: History, destination: str, size: int, now: datetime) -> Coverage:
    bounds = [now - age for age in _AGES.values()]
    counts = past.trust(destination, bounds)
    return Coverage(destination, {_PLACES[place]: count for place, count in counts.items()}, size)


def _unread(past: History, destination: str, names: _Known) -> Sequence[Unread]:
    return [
        Unread(
            each.destination,
            each.source,
            each.archive_id,
            each.stored_at,
            each.verified_at,
            each.problem,
            _called(names, each.source, each.series),
        )
        for each in past.least_trusted(destination, _UNREAD)
    ]


def _worst(unread: Unread) -> tuple[bool, bool, datetime]:
    return (not unread.problem, unread.verified is not None, unread.verified or unread.stored)
