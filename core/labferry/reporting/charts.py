"""Charts as inline SVG, with a title for the mouse on everything that stands for a figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise

from labferry.reporting.markup import Markup, join, tag
from labferry.reporting.scales import Scale
from labferry.reporting.units import MONTHS

__all__ = ["Column", "Dot", "Part", "column_chart", "line_chart", "share_bar"]

_WIDTH, _HEIGHT = 400, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 392, 10, 164
_BAR_WIDTH, _BAR_HEIGHT = 200, 14
_LABELS = 3
_GAP = 0.2
_WIDEST = 26.0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a column or bar: how much, and the class that colours it."""

    value: float
    kind: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a chart.

    Attributes:
        when: Its place in time, as the axis says it.
        title: What is told of it, a line a figure.
        parts: From the bottom up.
        reach: How far a thin line goes on above it.
    """

    when: str
    title: str
    parts: Sequence[Part]
    reach: float = 0.0

    @property
    def top(self) -> float:
        """The highest value that it shows."""
        return max(self.reach, sum(part.value for part in self.parts))


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a line."""

    when: datetime
    value: float
    title: str


def column_chart(label: str, columns: Sequence[Column], scale: Scale) -> Markup:
    """Columns side by side.

    Args:
        label: What the chart shows, for those who can't see it.
        columns: At least one.
        scale: The kind of its values.
    """
    marks = scale.marks(max(column.top for column in columns))
    width = (_RIGHT - _LEFT) / len(columns)
    drawn = [
        _column(column, _LEFT + place * width, width, marks[-1])
        for place, column in enumerate(columns)
    ]
    step = max(1, -(-len(columns) // _LABELS))
    labels = [
        _below(_LEFT + (place + 0.5) * width, columns[place].when)
        for place in range(0, len(columns), step)
    ]
    return _chart(label, _axis(marks, scale), *drawn, *labels)


def line_chart(label: str, dots: Sequence[Dot], scale: Scale) -> Markup:
    """A line through points in time.

    Args:
        label: What the chart shows, for those who can't see it.
        dots: At least one, oldest first.
        scale: The kind of its values.
    """
    marks = scale.marks(max(dot.value for dot in dots))
    first, last = dots[0].when, dots[-1].when
    span = (last - first).total_seconds()
    across = [
        _LEFT + 6 + (_RIGHT - _LEFT - 12) * ((dot.when - first).total_seconds() / span)
        if span > 0
        else (_LEFT + _RIGHT) / 2
        for dot in dots
    ]
    down = [_y(dot.value, marks[-1]) for dot in dots]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(across, down, strict=True))
    edges = [_LEFT, *((left + right) / 2 for left, right in pairwise(across)), _RIGHT]
    hits = [
        tag(
            "g",
            tag("title", dot.title),
            _hit(left, right - left),
            tag("circle", cx=x, cy=y, r=2.5 if len(dots) > 1 else 4, class_="dot"),
            class_="hit",
        )
        for dot, x, y, (left, right) in zip(dots, across, down, pairwise(edges), strict=True)
    ]
    ends = [_below(across[0], _day(first), "start" if span > 0 else "middle")]
    if span > 0:
        ends.append(_below(across[-1], _day(last), "end"))
    line = tag("path", d=f"M{path}", class_="line")
    return _chart(label, _axis(marks, scale), line, *hits, *ends)


def share_bar(label: str, parts: Sequence[Part]) -> Markup:
    """A bar that is divided as a whole is; empty where there is nothing."""
    whole = sum(part.value for part in parts) or 1
    begins = accumulate((part.value for part in parts), initial=0.0)
    drawn = [
        tag(
            "rect",
            tag("title", part.title),
            x=_BAR_WIDTH * begin / whole,
            y=0,
            width=_BAR_WIDTH * part.value / whole,
            height=_BAR_HEIGHT,
            class_=part.kind,
        )
        for part, begin in zip(parts, begins, strict=False)
        if part.value
    ]
    back = tag("rect", x=0, y=0, width=_BAR_WIDTH, height=_BAR_HEIGHT, class_="back")
    size = f"0 0 {_BAR_WIDTH} {_BAR_HEIGHT}"
    return tag(
        "svg",
        *(back, *drawn),
        viewBox=size,
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
        class_="share",
    )


def _chart(label: str, *content: Markup) -> Markup:
    size = f"0 0 {_WIDTH} {_HEIGHT}"
    return tag("svg", *content, viewBox=size, role="img", aria_label=label, class_="chart")


def _column(column: Column, left: float, width: float, highest: float) -> Markup:
    bar = min(width * (1 - _GAP), _WIDEST)
    x, drawn, below = left + (width - bar) / 2, [], 0.0
    for part in column.parts:
        if part.value:
            top, bottom = _y(below + part.value, highest), _y(below, highest)
            shape = {"x": x, "y": top, "width": bar, "height": bottom - top}
            drawn.append(tag("rect", **shape, class_=part.kind))
            below += part.value
    if column.reach > below:
        middle = f"M{left + width / 2:.1f} {_y(below, highest):.1f}V{_y(column.reach, highest):.1f}"
        drawn.append(tag("path", d=middle, class_="reach"))
    return tag("g", tag("title", column.title), _hit(left, width), *drawn, class_="hit")


def _hit(left: float, width: float) -> Markup:
    """What the mouse meets, also beside and above what is drawn."""
    return tag("rect", x=left, y=_TOP, width=width, height=_BOTTOM - _TOP, class_="area")


def _axis(marks: Sequence[float], scale: Scale) -> Markup:
    lines = []
    for mark in marks:
        y = _y(mark, marks[-1])
        lines.append(tag("path", d=f"M{_LEFT} {y:.1f}H{_RIGHT}", class_="grid"))
        shown = scale.show(mark)
        lines.append(tag("text", shown, x=_LEFT - 6, y=y + 4, text_anchor="end"))
    return join(lines)


def _below(x: float, text: str, anchor: str = "middle") -> Markup:
    return tag("text", text, x=x, y=_HEIGHT - 8, text_anchor=anchor)


def _y(value: float, highest: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / highest


def _day(when: datetime) -> str:
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"
