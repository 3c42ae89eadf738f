"""The parts of the page on archive sizes and on failures."""

from labferry.report_page.charts import Dot, line_chart
from labferry.report_page.document import Failed, Report, Series
from labferry.report_page.markup import Markup, tag
from labferry.report_page.parts import (
    figure,
    message,
    more,
    name,
    note,
    number,
    section,
    table,
    when,
)
from labferry.report_page.scales import SIZE
from labferry.report_page.units import NONE, show_moment, show_size

CHARTS = 12
"""How many series have a chart; the others have a row of a table."""

_HUNDRED = 100


def archives(report: Report) -> Markup:
    """The section on sizes over time, for each series."""
    if not report.series:
        return section("archives", "Archive sizes", note("No archive was stored yet."))
    charts = [_figure(series) for series in report.series[:CHARTS]]
    head = (
        "Source",
        "Series",
        number("Archives"),
        "First",
        "Newest",
        number("Size"),
        number("Change"),
    )
    rows = [_row(series) for series in report.series]
    return section(
        "archives",
        "Archive sizes",
        note("As they are stored, with those that retention has removed since."),
        tag("div", *charts, class_="charts"),
        table("Series, the largest first", head, rows),
        more(report.more_series, "series"),
    )


def failures(report: Report) -> Markup:
    """The section on what went wrong."""
    if not report.failures:
        return section("failures", "Failures", note("The ledger knows of none."))
    head = ("Message", "Source", "Destination", number("Times"), "First met", "Last met")
    return section(
        "failures",
        "Failures",
        note("Of exports that were given up, and of archives that a destination did not take."),
        table("Failures, the newest first", head, map(_failure, report.failures)),
        more(report.more_failures, "failures"),
    )


def _figure(series: Series) -> Markup:
    dots = [
        Dot(point.when, point.size, show_moment(point.when), show_size(point.size))
        for point in series.points
    ]
    title = f"{series.source}: {series.name}"
    label = f"Archive sizes of {title}, from {_first(series)} to {_newest(series)}"
    return figure(title, line_chart(label, dots, SIZE))


def _row(series: Series) -> tuple[str, ...]:
    return (
        name(series.source),
        name(series.name),
        number(series.count),
        when(series.points[0].when),
        when(series.points[-1].when),
        number(_newest(series)),
        number(_change(series)),
    )


def _change(series: Series) -> str:
    """How the newest differs from the first."""
    first = series.points[0].size
    if not first or series.count == 1:
        return NONE
    percent = _HUNDRED * (series.points[-1].size - first) / first
    return f"{percent:+.0f} %".replace("-", "\u2212")


def _first(series: Series) -> str:
    return show_size(series.points[0].size)


def _newest(series: Series) -> str:
    return show_size(series.points[-1].size)


def _failure(failed: Failed) -> tuple[str, ...]:
    return (
        message(failed.message),
        name(failed.source),
        name(failed.destination) if failed.destination else NONE,
        number(failed.count),
        when(failed.first),
        when(failed.last),
    )
