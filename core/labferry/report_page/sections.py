"""What the sections of the page draw and say, section by section."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from labferry.actions.report.figures import Coverage, Ended, Period, Report, Series
from labferry.actions.status import Level, Matter, describe, judge, matters
from labferry.report_page.charts import (
    COUNT,
    DURATION,
    MONTHS,
    RATE,
    SIZE,
    Chart,
    Column,
    Dot,
    Part,
    ShareBar,
    column_chart,
    line_chart,
    share_bar,
)
from labferry.runtime.units import show_moment, show_names, show_seconds, show_size
from labferry.sdk import Freshness

NONE = "-"
"""What stands for nothing, as in the tables on a terminal."""

PARTS: Mapping[str, str] = {
    "freshness": "Freshness",
    "runs": "Runs",
    "speed": "Duration",
    "archives": "Archives",
    "verification": "Verification",
    "failures": "Failures",
}
"""The sections: their names in the address, and in the navigation."""

HEALTH: Mapping[Level, str] = {
    Level.OK: "Fresh",
    Level.WARNING: "Warning",
    Level.CRITICAL: "Critical",
}
"""How a source fares at a destination, in words; the level's word is the class of its colour."""

ENDED: Mapping[str, str] = {
    Ended.COMPLETE: "complete",
    Ended.PARTIAL: "partial",
    Ended.UNFINISHED: "not finished",
    Ended.FAILED: "failed",
}
"""How runs end, in words; the key is also the class of its colour."""

AGES: Mapping[str, str] = {
    "week": "in the last 7 days",
    "month": "in the last 30 days",
    "quarter": "in the last 90 days",
    "older": "longer ago",
    "never": "never",
    "bad": "damaged or missing",
}
"""When copies were last read back, in words; the key is also the class of its colour."""

_CHARTS = 12
"""How many series have a chart; the others have a row of a table."""
_HUNDRED = 100
_SOME_DAYS = 7


class Summary:
    """The figures at the top of the page.

    Args:
        report: The report.
    """

    def __init__(self, report: Report) -> None:
        levels = [level(row, report) for row in report.rows]
        self.fresh = levels.count(Level.OK)
        self.worst = max(levels, default=Level.OK)
        self.copies = sum(sum(each.counts.values()) for each in report.coverage)
        self.size = sum(each.size for each in report.coverage)
        recent = sum(
            each.counts.get(word, 0) for each in report.coverage for word in ("week", "month")
        )
        self.read_back = f"{_HUNDRED * recent // self.copies} %" if self.copies else NONE


class Matrix:
    """How each source fares at each destination, in the order of the configuration.

    Args:
        report: The report.
    """

    def __init__(self, report: Report) -> None:
        self.sources = tuple(dict.fromkeys(row.source for row in report.rows))
        self.destinations = tuple(dict.fromkeys(row.destination for row in report.rows))
        self._rows = {(row.source, row.destination): row for row in report.rows}

    def whose(self, source: str) -> str:
        """Whose work a source exports; empty if nobody knows."""
        return next((show_names(r.names) for r in self._rows.values() if r.source == source), "")

    def at(self, source: str, destination: str) -> Freshness | None:
        """A source at a destination; None if it is not sent there."""
        return self._rows.get((source, destination))


def level(row: Freshness, report: Report) -> Level:
    """How bad the state of a source at a destination is."""
    return judge(row, report.max_age, report.generated)


def age(moment: datetime, now: datetime) -> str:
    """How long ago a moment is."""
    return show_seconds(max(0.0, (now - moment).total_seconds()))


def troubles(row: Freshness, report: Report) -> Iterator[str]:
    """What is the matter with a source at a destination, worst first."""
    for matter in matters(row, report.generated, report.max_age):
        is_stale = matter is Matter.STALE
        yield "too old" if is_stale else describe(matter, row, report.generated)


def each(report: Report) -> str:
    """How long a period of the report is."""
    days = report.periods[0].days
    return "per day" if days == 1 else f"per {days} days"


def span(period: Period) -> str:
    """A period, exactly."""
    if period.days == 1:
        return period.first.isoformat()
    return f"{period.first.isoformat()} to {period.last.isoformat()}"


def counts(period: Period) -> Sequence[int]:
    """How many runs of a period ended in each way."""
    return [period.ended.get(ended, 0) for ended in Ended]


def has_speed(report: Report) -> bool:
    """Whether any run has ended, so that its duration is known."""
    return any(period.seconds or period.rates for period in report.periods)


def speeds(period: Period) -> Sequence[str]:
    """The durations, rates and volume of a period, for people."""
    seconds = [show_seconds(value) for value in period.seconds or ()]
    rates = [show_rate(value) for value in period.rates or ()]
    return [*(seconds or [NONE, NONE]), *(rates or [NONE, NONE]), show_size(period.size)]


def ages(coverage: Coverage) -> Sequence[int]:
    """How many copies at a destination were last read back at which time."""
    return [coverage.counts.get(word, 0) for word in AGES]


def run_charts(report: Report) -> Sequence[Chart]:
    """Runs in time by how they ended: for a narrow window and for a broad one."""
    columns = [
        Column(
            _place(period),
            span(period),
            _counted(period),
            [Part(count, word) for word, count in zip(ENDED, counts(period), strict=True)],
        )
        for period in report.periods
    ]
    label = f"Runs {each(report)} by how they ended: {report.runs} in all"
    return [column_chart(label, columns, COUNT, is_wide=wide) for wide in (False, True)]


def duration_chart(report: Report) -> Chart:
    """How long runs took: the median, and the longest."""
    columns = [
        Column(
            _place(period),
            span(period),
            f"median {show_seconds(median)}, longest {show_seconds(longest)}",
            [Part(median, "plain")],
            longest,
        )
        for period in report.periods
        for median, longest in [period.seconds or (0.0, 0.0)]
    ]
    return column_chart(f"Median duration of runs {each(report)}", columns, DURATION)


def rate_chart(report: Report) -> Chart:
    """How fast downloads were: the median, and the fastest."""
    columns = [
        Column(
            _place(period),
            span(period),
            f"median {show_rate(median)}, fastest {show_rate(fastest)}",
            [Part(median, "plain")],
            fastest,
        )
        for period in report.periods
        for median, fastest in [period.rates or (0.0, 0.0)]
    ]
    return column_chart(f"Median throughput of downloads {each(report)}", columns, RATE)


def volume_chart(report: Report) -> Chart:
    """How much was downloaded."""
    columns = [
        Column(_place(period), span(period), show_size(period.size), [Part(period.size, "plain")])
        for period in report.periods
    ]
    return column_chart(f"Bytes downloaded {each(report)}", columns, SIZE)


def series_charts(report: Report) -> Iterator[tuple[str, Chart]]:
    """The largest series, each with its title and the sizes of its archives in time."""
    for series in report.series[:_CHARTS]:
        dots = [
            Dot(point.when, point.size, show_moment(point.when), show_size(point.size))
            for point in series.points
        ]
        title = f"{series.source}: {series.names or series.name}"
        first, newest = (show_size(series.points[end].size) for end in (0, -1))
        label = f"Archive sizes of {title}, from {first} to {newest}"
        yield title, line_chart(label, dots, SIZE)


def change(series: Series) -> str:
    """How the size of a series' newest archive differs from the first."""
    first = series.points[0].size
    if not first or series.count == 1:
        return NONE
    percent = _HUNDRED * (series.points[-1].size - first) / first
    return f"{percent:+.0f} %".replace("-", "\N{MINUS SIGN}")


def coverage_bar(coverage: Coverage) -> ShareBar:
    """When the copies at a destination were last read back, as shares."""
    counted = {word: coverage.counts.get(word, 0) for word in AGES}
    parts = [
        Part(counted[word], word, f"{coverage.destination}: {counted[word]} {label}")
        for word, label in AGES.items()
    ]
    said = ", ".join(f"{counted[word]} {label}" for word, label in AGES.items() if counted[word])
    return share_bar(f"Copies read back: {said or 'none'}", parts)


def show_rate(rate: float) -> str:
    """A throughput in bytes each second, for people."""
    return f"{show_size(round(rate))}/s"


def _counted(period: Period) -> str:
    said = [f"{count} {ENDED[ended]}" for ended, count in period.ended.items() if count]
    return ", ".join(said) or "no run"


def _place(period: Period) -> str:
    """Where a period is on an axis."""
    first = period.first
    month = MONTHS[first.month - 1]
    if period.days == 1:
        return f"{first.day} {month}"
    is_exact = period.days <= _SOME_DAYS
    return f"{first.day} {month} {first.year}" if is_exact else f"{month} {first.year}"
