"""What the sections of the page are put together from."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from labferry.report_page.markup import Markup, raw, tag
from labferry.report_page.units import NONE, show_moment

_LONGEST = 400
"""Characters of a name: some are made by other people's programs."""


def section(identity: str, title: str, *content: str) -> Markup:
    """A part of the page with a heading."""
    heading = tag("h2", title, id=identity)
    return tag("section", heading, *content, aria_labelledby=identity)


def note(text: str) -> Markup:
    """A sentence below a heading."""
    return tag("p", text, class_="note")


def more(count: int, what: str) -> Markup:
    """What a table leaves out."""
    return note(f"{count} more {what} are not shown.") if count else raw("")


def name(text: str) -> Markup:
    """A name that somebody else gave, whichever way it is written."""
    return tag("bdi", text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def number(value: str | float) -> Markup:
    """A figure, or the head of a column of them: they end below each other."""
    return tag("span", str(value), class_="number")


def message(text: str) -> Markup:
    """What went wrong."""
    return tag("span", text, class_="message")


def when(moment: datetime | None, otherwise: str = NONE) -> Markup:
    """A moment, or what is said where there is none."""
    if moment is None:
        return tag("span", otherwise)
    exact = moment.astimezone(UTC).isoformat(timespec="seconds")
    return tag("time", show_moment(moment), datetime=exact)


def badge(kind: str, text: str) -> Markup:
    """A word with a colour."""
    return tag("span", text, class_=f"badge {kind}")


def key(labels: Mapping[str, str]) -> Markup:
    """What the colours of a chart stand for."""
    entries = [
        tag("li", tag("span", class_=f"swatch {kind}", aria_hidden="true"), label)
        for kind, label in labels.items()
    ]
    return tag("ul", *entries, class_="key")


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A table whose first column names the rows; it scrolls by itself where it is too wide."""
    columns = [tag("th", text, scope="col") for text in head]
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:]))
        for row in rows
    ]
    whole = tag(
        "table",
        tag("caption", tag("span", caption)),
        tag("thead", tag("tr", *columns)),
        tag("tbody", *body),
    )
    return tag("div", whole, class_="wide", role="region", tabindex=0, aria_label=caption)


def figure(title: str, chart: Markup, figures: Markup | None = None) -> Markup:
    """A chart with its title and, folded away, what it shows as a table."""
    folded = tag("details", tag("summary", "Figures"), figures) if figures else raw("")
    return tag("figure", tag("figcaption", title), chart, folded)
