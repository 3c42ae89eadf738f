"""Where the marks of a chart go: bars, lines and axes as figures, drawn as SVG by a template.

Each bar and point has an area around it. The pointer on it shows the figures above the chart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise

from labferry.runtime.units import show_seconds, show_size

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""The months, whatever the language of the machine."""

_WIDTH, _WIDE, _HEIGHT = 340, 1120, 216
_LEFT, _TOP, _BOTTOM = 70, 36, 190
_MARGIN = 8
_SHARE_WIDTH, _SHARE_HEIGHT = 200, 14
_LABEL = 100
_GAP = 0.2
_WIDEST = 26.0
_MARKS = 4
_SECONDS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a column or of a share bar.

    Attributes:
        value: How much it is.
        kind: The class that colours it.
        title: What the pointer on it shows.
    """

    value: float
    kind: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a chart.

    Attributes:
        when: Its place in time, as the axis says it.
        span: Its place in time, exactly.
        figures: Its figures, in words.
        parts: From the bottom up.
        reach: How far a thin line goes on above it.
    """

    when: str
    span: str
    figures: str
    parts: Sequence[Part]
    reach: float = 0.0

    @property
    def top(self) -> float:
        """The highest value that it shows."""
        return max(self.reach, sum(part.value for part in self.parts))


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a line.

    Attributes:
        when: Its place in time.
        value: Its value.
        span: Its place in time, in words.
        figures: Its value, in words.
    """

    when: datetime
    value: float
    span: str
    figures: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, at its middle, beginning or end as `anchor` says."""

    text: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Hit:
    """An area of the chart, what is drawn in it, and the figures that it shows.

    Attributes:
        area: What the pointer meets, also beside and above what is drawn.
        span: The place in time that it stands for.
        figures: What it shows.
        bars: Its bars.
        reach: The path of the thin line above them; empty if there is none.
        dot: Where its point is, and the radius; None if it has bars.
    """

    area: Bar
    span: str
    figures: str
    bars: Sequence[Bar] = ()
    reach: str = ""
    dot: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, ready to be drawn.

    Attributes:
        label: What it shows, for those who can't see it.
        kind: Its classes.
        width: Its width; see `height`.
        grid: The paths of its grid.
        texts: What stands beside and below it.
        hits: Its columns or points.
        line: The path of its line; empty if it has columns.
    """

    label: str
    kind: str
    width: float
    grid: Sequence[str]
    texts: Sequence[Text]
    hits: Sequence[Hit]
    line: str = ""
    height: int = _HEIGHT


@dataclass(frozen=True, slots=True)
class ShareBar:
    """A bar that is divided as a whole is; empty if there is nothing to divide."""

    label: str
    bars: Sequence[Bar]
    width: int = _SHARE_WIDTH
    height: int = _SHARE_HEIGHT


@dataclass(frozen=True, slots=True)
class Scale:
    """A kind of axis.

    Attributes:
        show: A value, for people.
        step: The distance of its marks where so much has to fit between two of them.
    """

    show: Callable[[float], str]
    step: Callable[[float], float]

    def marks(self, highest: float) -> Sequence[float]:
        """The values to mark, from 0 to the first that is not below the highest."""
        step = self.step(max(highest, 0) / _MARKS)
        marks = [0.0]
        while marks[-1] < highest or len(marks) == 1:
            marks.append(len(marks) * step)
        return marks


def _decimal(least: float) -> float:
    """1, 2 or 5 times a power of ten."""
    power = 1.0
    while True:
        for factor in (1, 2, 5):
            if factor * power >= least:
                return factor * power
        power *= 10


def _seconds(least: float) -> float:
    for step in _SECONDS:
        if step >= least:
            return step
    return 86400 * _decimal(least / 86400)


def _short(text: str) -> str:
    return text.replace(".0 ", " ")


def _size(value: float) -> str:
    return _short(show_size(round(value))) if value else "0"


def _time(value: float) -> str:
    shown = _short(show_seconds(value)) if value else "0"
    return shown.removesuffix(" 00 min").removesuffix(" 0 h")


COUNT = Scale(lambda value: f"{value:.0f}", _decimal)
"""A number of things."""

SIZE = Scale(_size, _decimal)
"""Bytes."""

RATE = Scale(lambda value: f"{_size(value)}/s" if value else "0", _decimal)
"""Bytes each second."""

DURATION = Scale(_time, _seconds)
"""Seconds."""


def column_chart(
    label: str, columns: Sequence[Column], scale: Scale, *, is_wide: bool = False
) -> Chart:
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
    hits = [
        _column(column, _LEFT + place * width, width, marks[-1])
        for place, column in enumerate(columns)
    ]
    step = max(1, -(-len(columns) * _LABEL // (right - _LEFT)))
    middles = [(_LEFT + (place + 0.5) * width, place) for place in range(0, len(columns), step)]
    below = [_below(x, columns[place].when) for x, place in middles if x + _LABEL / 3 < right]
    grid, beside = _axis(marks, scale, right)
    kind = "chart broad" if is_wide else "chart"
    return Chart(label, kind, right + _MARGIN, grid, [*beside, *below], hits)


def line_chart(label: str, dots: Sequence[Dot], scale: Scale) -> Chart:
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
        Hit(_area(begin, end - begin), dot.span, dot.figures, dot=(x, y, radius))
        for dot, x, y, (begin, end) in zip(dots, across, down, pairwise(edges), strict=True)
    ]
    ends = [_below(across[0], _day(first), "start" if span > 0 else "middle")]
    if span > 0:
        ends.append(_below(across[-1], _day(last), "end"))
    grid, beside = _axis(marks, scale, right)
    return Chart(label, "chart", right + _MARGIN, grid, [*beside, *ends], hits, f"M{path}")


def share_bar(label: str, parts: Sequence[Part]) -> ShareBar:
    """A bar that is divided as a whole is.

    Args:
        label: What it shows, for those who can't see it.
        parts: From left to right; those of nothing are left out.
    """
    whole = sum(part.value for part in parts) or 1
    begins = accumulate((part.value for part in parts), initial=0.0)
    bars = [
        Bar(
            _SHARE_WIDTH * begin / whole,
            0,
            _SHARE_WIDTH * part.value / whole,
            _SHARE_HEIGHT,
            part.kind,
            part.title,
        )
        for part, begin in zip(parts, begins, strict=False)
        if part.value
    ]
    return ShareBar(label, bars)


def _column(column: Column, left: float, width: float, highest: float) -> Hit:
    across = min(width * (1 - _GAP), _WIDEST)
    x, bars, below = left + (width - across) / 2, [], 0.0
    for part in column.parts:
        if part.value:
            top, bottom = _y(below + part.value, highest), _y(below, highest)
            bars.append(Bar(x, top, across, bottom - top, part.kind))
            below += part.value
    reach = ""
    if column.reach > below:
        middle = left + width / 2
        reach = f"M{middle:.1f} {_y(below, highest):.1f}V{_y(column.reach, highest):.1f}"
    return Hit(_area(left, width), column.span, column.figures, bars, reach)


def _area(left: float, width: float) -> Bar:
    return Bar(left, _TOP, width, _BOTTOM - _TOP, "area")


def _axis(
    marks: Sequence[float], scale: Scale, right: float
) -> tuple[Sequence[str], Sequence[Text]]:
    heights = [_y(mark, marks[-1]) for mark in marks]
    grid = [f"M{_LEFT} {y:.1f}H{right:g}" for y in heights]
    texts = [
        Text(scale.show(mark), _LEFT - 6, y + 4, "end")
        for mark, y in zip(marks, heights, strict=True)
    ]
    return grid, texts


def _below(x: float, text: str, anchor: str = "middle") -> Text:
    return Text(text, x, _HEIGHT - 8, anchor)


def _y(value: float, highest: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / highest


def _day(when: datetime) -> str:
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"
