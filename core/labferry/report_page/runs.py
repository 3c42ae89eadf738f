"""The parts of the page on runs: when they were, how they ended, how long they took."""

from collections.abc import Mapping

from labferry.report_page.charts import Column, Part, column_chart
from labferry.report_page.document import Ended, LatestRun, Period, Report
from labferry.report_page.markup import Markup, join, tag
from labferry.report_page.parts import badge, figure, key, note, number, section, table, when
from labferry.report_page.scales import COUNT, DURATION, RATE, SIZE
from labferry.report_page.units import MONTHS, NONE, show_seconds, show_size

ENDED: Mapping[str, str] = {
    Ended.COMPLETE: "complete",
    Ended.PARTIAL: "partial",
    Ended.UNFINISHED: "not finished",
    Ended.FAILED: "failed",
}
"""How runs end, in words; the key is also the class of its colour."""

_SOME_DAYS = 7
_ABOUT = (
    "A run that is not finished was stopped, was killed, is at work, or left an export to the next "
    "one. Those that are partial or failed say why below."
)


def runs(report: Report) -> Markup:
    """The section on runs in time, by how they ended."""
    if not report.runs:
        return section("runs", "Runs", note("There was no run yet."))
    columns = [
        Column(
            _place(period),
            _span(period),
            _counted(period),
            [Part(period.ended.get(ended, 0), ended.value) for ended in Ended],
        )
        for period in report.periods
    ]
    head = ("When", *(number(label.capitalize()) for label in ENDED.values()))
    rows = [
        (_span(period), *(number(period.ended.get(ended, 0)) for ended in Ended))
        for period in report.periods
        if period.ended
    ]
    each = _each(report.periods[0])
    label = f"Runs {each} by how they ended: {report.runs} in all"
    # One for a narrow window and one for a broad one: the style shows either.
    charts = join(column_chart(label, columns, COUNT, is_wide=wide) for wide in (False, True))
    shown = figure(f"Runs {each}", charts, table(f"Runs {each}, as figures", head, rows))
    latest = table(
        "The latest runs",
        ("Run", "Began", "Ended", number("Took"), number("Exit code")),
        [_latest(run) for run in report.latest],
    )
    return section("runs", "Runs", note(_ABOUT), key(ENDED), shown, latest)


def speed(report: Report) -> Markup:
    """The section on durations, throughput and volume."""
    if not any(period.seconds or period.rates for period in report.periods):
        return section("speed", "Duration and throughput", note("No run has ended yet."))
    each = _each(report.periods[0])
    charts = [
        figure(
            f"Duration of runs: median {each}, the line up to the longest",
            column_chart(f"Median duration of runs {each}", _durations(report), DURATION),
        ),
        figure(
            f"Throughput of downloads: median {each}, the line up to the fastest",
            column_chart(f"Median throughput of downloads {each}", _rates(report), RATE),
        ),
        figure(
            f"Downloaded {each}",
            column_chart(f"Bytes downloaded {each}", _volumes(report), SIZE),
        ),
    ]
    columns = ("Median", "Longest", "Throughput", "Fastest", "Downloaded")
    head = ("When", *map(number, columns))
    rows = [_figures(period) for period in report.periods if period.ended]
    figures = table(f"Duration and throughput {each}, as figures", head, rows)
    folded = tag("details", tag("summary", "Figures"), figures)
    title = "Duration and throughput"
    return section("speed", title, tag("div", *charts, class_="charts"), folded)


def _durations(report: Report) -> list[Column]:
    return [
        Column(
            _place(period),
            _span(period),
            f"median {show_seconds(median)}, longest {show_seconds(longest)}",
            [Part(median, "plain")],
            longest,
        )
        for period in report.periods
        for median, longest in [period.seconds or (0.0, 0.0)]
    ]


def _rates(report: Report) -> list[Column]:
    return [
        Column(
            _place(period),
            _span(period),
            f"median {_rate(median)}, fastest {_rate(fastest)}",
            [Part(median, "plain")],
            fastest,
        )
        for period in report.periods
        for median, fastest in [period.rates or (0.0, 0.0)]
    ]


def _volumes(report: Report) -> list[Column]:
    return [
        Column(_place(period), _span(period), show_size(period.size), [Part(period.size, "plain")])
        for period in report.periods
    ]


def _figures(period: Period) -> tuple[str, ...]:
    seconds = map(show_seconds, period.seconds or ())
    rates = map(_rate, period.rates or ())
    pair = (NONE, NONE)
    told = (*(tuple(seconds) or pair), *(tuple(rates) or pair), show_size(period.size))
    return (_span(period), *map(number, told))


def _latest(run: LatestRun) -> tuple[str, ...]:
    return (
        str(run.id),
        when(run.started),
        badge(run.ended.value, ENDED[run.ended]),
        number(NONE if run.seconds is None else show_seconds(run.seconds)),
        number(NONE if run.exit_code is None else run.exit_code),
    )


def _rate(rate: float) -> str:
    return f"{show_size(round(rate))}/s"


def _counted(period: Period) -> str:
    said = [f"{count} {ENDED[ended]}" for ended, count in period.ended.items() if count]
    return ", ".join(said) or "no run"


def _each(period: Period) -> str:
    return "per day" if period.days == 1 else f"per {period.days} days"


def _place(period: Period) -> str:
    """Where a period is on an axis."""
    first = period.first
    month = MONTHS[first.month - 1]
    if period.days == 1:
        return f"{first.day} {month}"
    is_exact = period.days <= _SOME_DAYS
    return f"{first.day} {month} {first.year}" if is_exact else f"{month} {first.year}"


def _span(period: Period) -> str:
    if period.days == 1:
        return period.first.isoformat()
    return f"{period.first.isoformat()} to {period.last.isoformat()}"
