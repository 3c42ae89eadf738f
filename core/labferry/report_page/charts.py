"""Charts as inline SVG; what the mouse is on tells its figures in the space above."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise

from labferry.report_page.markup import Markup, join, tag
from labferry.report_page.scales import Scale
from labferry.report_page.units import MONTHS

_WIDTH, _WIDE, _HEIGHT = 340, 1120, 216
_LEFT, _TOP, _BOTTOM = 70, 36, 190
_MARGIN = 8
_TOLD = (11, 26)
_BAR_WIDTH, _BAR_HEIGHT = 200, 14
_LABEL = 100
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
        span: Its place in time, exactly.
        told: Its figures.
        parts: From the bottom up.
        reach: How far a thin line goes on above it.
    """

    when: str
    span: str
    told: str
    parts: Sequence[Part]
    reach: float = 0.0

    @property
    def top(self) -> float:
        """The highest value that it shows."""
        return max(self.reach, sum(part.value for part in self.parts))


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a line, its place in time, exactly, and its figure."""

    when: datetime
    value: float
    span: str
    told: str


def column_chart(
    label: str, columns: Sequence[Column], scale: Scale, *, is_wide: bool = False
) -> Markup:
    """Columns side by side.

    Args:
        label: What the chart shows, for those who can't see it.
        columns: At least one.
        scale: The kind of its values.
        is_wide: Whether it has the whole page to itself.
    """
    right = (_WIDE if is_wide else _WIDTH) - _MARGIN
    marks = scale.marks(max(column.top for column in columns))
    width = (right - _LEFT) / len(columns)
    drawn = [
        _column(column, _LEFT + place * width, width, marks[-1])
        for place, column in enumerate(columns)
    ]
    step = max(1, -(-len(columns) * _LABEL // (right - _LEFT)))
    middles = [(_LEFT + (place + 0.5) * width, place) for place in range(0, len(columns), step)]
    labels = [_below(x, columns[place].when) for x, place in middles if x + _LABEL / 3 < right]
    return _chart(label, right, _axis(marks, scale, right), *drawn, *labels)


def line_chart(label: str, dots: Sequence[Dot], scale: Scale) -> Markup:
    """A line through points in time.

    Args:
        label: What the chart shows, for those who can't see it.
        dots: At least one, oldest first.
        scale: The kind of its values.
    """
    right = _WIDTH - _MARGIN
    marks = scale.marks(max(dot.value for dot in dots))
    first, last = dots[0].when, dots[-1].when
    span = (last - first).total_seconds()
    across = [
        _LEFT + 6 + (right - _LEFT - 12) * ((dot.when - first).total_seconds() / span)
        if span > 0
        else (_LEFT + right) / 2
        for dot in dots
    ]
    down = [_y(dot.value, marks[-1]) for dot in dots]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(across, down, strict=True))
    edges = [_LEFT, *((before + after) / 2 for before, after in pairwise(across)), right]
    radius = 2.5 if len(dots) > 1 else 4
    hits = [
        _hit(dot, begin, end - begin, tag("circle", cx=x, cy=y, r=radius, class_="dot"))
        for dot, x, y, (begin, end) in zip(dots, across, down, pairwise(edges), strict=True)
    ]
    ends = [_below(across[0], _day(first), "start" if span > 0 else "middle")]
    if span > 0:
        ends.append(_below(across[-1], _day(last), "end"))
    line = tag("path", d=f"M{path}", class_="line")
    return _chart(label, right, _axis(marks, scale, right), line, *hits, *ends)


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


def _chart(label: str, right: float, *content: Markup) -> Markup:
    width = right + _MARGIN
    kind = "chart broad" if width > _WIDTH else "chart"
    size = f"0 0 {width:g} {_HEIGHT}"
    return tag("svg", *content, viewBox=size, role="img", aria_label=label, class_=kind)


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
    return _hit(column, left, width, *drawn)


def _hit(of: Column | Dot, left: float, width: float, *drawn: Markup) -> Markup:
    """What the mouse meets, also beside and above what is drawn, and what it is told then."""
    area = tag("rect", x=left, y=_TOP, width=width, height=_BOTTOM - _TOP, class_="area")
    told = [tag("tspan", text, x=0, y=y) for text, y in zip((of.span, of.told), _TOLD, strict=True)]
    return tag("g", area, *drawn, tag("text", *told, class_="told"), class_="hit")


def _axis(marks: Sequence[float], scale: Scale, right: float) -> Markup:
    lines = []
    for mark in marks:
        y = _y(mark, marks[-1])
        lines.append(tag("path", d=f"M{_LEFT} {y:.1f}H{right:g}", class_="grid"))
        shown = scale.show(mark)
        lines.append(tag("text", shown, x=_LEFT - 6, y=y + 4, text_anchor="end"))
    return join(lines)


def _below(x: float, text: str, anchor: str = "middle") -> Markup:
    return tag("text", text, x=x, y=_HEIGHT - 8, text_anchor=anchor)


def _y(value: float, highest: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / highest


def _day(when: datetime) -> str:
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"
