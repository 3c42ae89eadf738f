"""What a report shows: figures only, few enough for any number of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from labferry.sdk import Freshness, Names

MOST = 60
"""How many periods, or points of a series, a report has at most."""

_FEWEST = 14
_DAYS = (1, 7, 28, 91, 364)


class Ended(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNFINISHED = "unfinished"
    FAILED = "failed"


@dataclass(slots=True)
class Period:
    """The runs that began in some days.

    Attributes:
        first: Its first day, UTC.
        days: How many days it has.
        ended: How many runs ended how.
        seconds: The median and the longest duration of its runs that ended.
        rates: The median and the highest throughput of its downloads, in bytes each second.
        size: How many bytes were downloaded.
    """

    first: date
    days: int
    ended: dict[Ended, int] = field(default_factory=dict)
    seconds: tuple[float, float] | None = None
    rates: tuple[float, float] | None = None
    size: int = 0

    @property
    def last(self) -> date:
        """Its last day."""
        return self.first + timedelta(days=self.days - 1)


@dataclass(frozen=True, slots=True)
class LatestRun:
    """One run.

    Attributes:
        id: Its number.
        started: When it began, UTC.
        seconds: How long it took; None where it did not end.
        ended: How it ended.
        exit_code: What it exited with.
    """

    id: int
    started: datetime
    seconds: float | None
    ended: Ended
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Point:
    """An archive's size in bytes, and when it was asked of the server, UTC."""

    when: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Series:
    """The archives of one thing that is exported.

    Attributes:
        source: The source's name.
        name: What is exported.
        count: How many archives there ever were.
        points: Their sizes, oldest first; of many only some, the first and the last among them.
        names: Whose work it is, by the newest names.
    """

    source: str
    name: str
    count: int
    points: Sequence[Point]
    names: Names = field(default_factory=Names)


@dataclass(frozen=True, slots=True)
class Coverage:
    """When the copies at a destination were last read back.

    Attributes:
        destination: The destination's name.
        counts: How many copies, by when: `week`, `month`, `quarter`, `older`, `never` or `bad`.
        size: Their bytes.
    """

    destination: str
    counts: Mapping[str, int]
    size: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A copy that was last read back long ago, or is known to be bad. Times are UTC.

    `names` says whose work it holds.
    """

    destination: str
    source: str
    archive_id: str
    stored: datetime
    verified: datetime | None
    problem: str
    names: Names = field(default_factory=Names)


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure, as often as it happened.

    Attributes:
        source: The source's name.
        destination: The destination's name; empty where it is not about one.
        message: What went wrong.
        count: How often.
        first: When the first run began that met it, UTC.
        last: When the last one did.
    """

    source: str
    destination: str
    message: str
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """The whole of it.

    Attributes:
        generated: When it was made, UTC.
        version: labferry's version.
        config: The configuration file.
        max_age: How old a last success may be.
        rows: Each source at each of its destinations, in the order of the configuration.
        runs: How many runs there were.
        periods: The runs in pieces of time, oldest first.
        latest: The newest of them, newest first.
        series: The series that are largest, largest first.
        more_series: How many others there are.
        coverage: For each destination, when its copies were read back.
        unread: The copies to worry about most, worst first.
        more_unread: How many others there are.
        failures: What went wrong, newest first.
        more_failures: How many others there are.
    """

    generated: datetime
    version: str
    config: str
    max_age: timedelta
    rows: Sequence[Freshness] = ()
    runs: int = 0
    periods: Sequence[Period] = ()
    latest: Sequence[LatestRun] = ()
    series: Sequence[Series] = ()
    more_series: int = 0
    coverage: Sequence[Coverage] = ()
    unread: Sequence[Unread] = ()
    more_unread: int = 0
    failures: Sequence[Failed] = ()
    more_failures: int = 0


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
