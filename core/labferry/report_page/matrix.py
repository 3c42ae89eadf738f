"""The part of the page on how fresh each source is at each destination."""

from datetime import datetime

from labferry.report_page.document import Cell, Health, Report
from labferry.report_page.markup import Markup, join, tag
from labferry.report_page.parts import badge, message, name, note, section, table, when
from labferry.report_page.units import show_seconds, show_size

_WORDS = {Health.OK: "Fresh", Health.WARNING: "Warning", Health.CRITICAL: "Critical"}


def matrix(report: Report) -> Markup:
    """The section: a row for each source, a column for each destination."""
    allowed = show_seconds(report.max_age.total_seconds())
    about = f"Fresh is what has everything as of no more than {allowed} ago, with no copy damaged."
    if not report.cells:
        content = note("The configuration sends no source to any destination.")
        return section("freshness", "Freshness", content)
    cells = {(cell.source, cell.destination): cell for cell in report.cells}
    destinations = dict.fromkeys(cell.destination for cell in report.cells)
    sources = dict.fromkeys(cell.source for cell in report.cells)
    rows = [
        [name(source), *(_cell(cells.get((source, to)), report.generated) for to in destinations)]
        for source in sources
    ]
    head = ("Source", *map(name, destinations))
    return section(
        "freshness", "Freshness", note(about), table("Sources by destinations", head, rows)
    )


def age(moment: datetime, now: datetime) -> str:
    """How long ago a moment is."""
    return show_seconds(max(0.0, (now - moment).total_seconds()))


def _cell(cell: Cell | None, now: datetime) -> Markup:
    if cell is None:
        return tag("span", "not sent there", class_="faint")
    lines: list[str] = [badge(cell.health.value, _WORDS[cell.health])]
    if cell.last_success is not None:
        moment = join(["as of ", when(cell.last_success)])
        lines += [tag("strong", f"{age(cell.last_success, now)} old"), moment]
    lines += [message(text) for text in _troubles(cell)]
    if cell.copies:
        copies = f"{cell.copies} {'copy' if cell.copies == 1 else 'copies'}"
        lines.append(copies if cell.size is None else f"{copies}, newest {show_size(cell.size)}")
        since = cell.last_verified
        lines.append(
            join(["all read back since ", when(since)]) if since else "some never read back"
        )
    return tag("div", *(tag("div", line) for line in lines), class_="cell")


def _troubles(cell: Cell) -> list[str]:
    """What is the matter, worst first."""
    said = []
    if cell.last_success is None:
        said.append("something was never stored" if cell.copies else "never stored")
    elif cell.is_stale:
        said.append("too old")
    if cell.failing:
        said.append(f"{cell.failing} damaged or missing")
    if cell.problem:
        said.append(cell.problem)
    if cell.is_overdue:
        said.append("overdue to be read back")
    if cell.pending:
        said.append(f"{cell.pending} pending")
    return said
