"""A chart of what a sync costs, as SVG."""

from collections.abc import Mapping, Sequence

from labferry.report_page.markup import Markup, join, tag
from labferry.report_page.scales import COUNT, DURATION

_LEFT, _TOP, _RIGHT, _BOTTOM = 60, 30, 560, 190
_WIDTH, _HEIGHT = 640, 220
# The theme's colours, which change where the reader likes it dark.
_TEXT = "fill: var(--color-foreground-secondary); font-size: 12px"
_GRID = "stroke: var(--color-background-border)"
_LINES = (
    ("seconds", "elapsed", "stroke: var(--color-brand-content)"),
    ("cpu", "processor", "stroke: var(--color-foreground-muted); stroke-dasharray: 5 3"),
)

Point = Mapping[str, float]


def drawn(label: str, points: Sequence[Point]) -> Markup:
    """Elapsed time and processor time.

    Args:
        label: What the chart shows, for those who can't see it.
        points: At least one, each with `at`, `seconds` and `cpu`.
    """
    across = COUNT.marks(max(point["at"] for point in points))
    up = DURATION.marks(max(max(point["seconds"], point["cpu"]) for point in points))
    lines = [_line(points, key, name, style, (across[-1], up[-1])) for key, name, style in _LINES]
    return tag(
        "svg",
        *_vertical(up),
        *(_text(COUNT.show(mark), _x(mark, across[-1]), _HEIGHT - 10) for mark in across),
        *lines,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=label,
        style="max-width: 45em",
    )


def _vertical(marks: Sequence[float]) -> list[Markup]:
    parts = []
    for mark in marks:
        y = _y(mark, marks[-1])
        parts.append(tag("path", d=f"M{_LEFT} {y:.1f}H{_RIGHT}", style=_GRID))
        parts.append(_text(DURATION.show(mark), _LEFT - 6, y + 4, "end"))
    return parts


def _line(
    points: Sequence[Point], key: str, name: str, style: str, most: tuple[float, float]
) -> Markup:
    places = [(_x(point["at"], most[0]), _y(point[key], most[1])) for point in points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = [
        _dot(x, y, style, f"{point['at']:g}: {point[key]:.2f} s, {name}")
        for point, (x, y) in zip(points, places, strict=True)
    ]
    x, y = places[-1]
    drawn_line = tag("path", d=f"M{path}", style=f"{style}; fill: none; stroke-width: 2")
    return join([drawn_line, *dots, _text(name, x + 8, y + 4, "start")])


def _dot(x: float, y: float, style: str, told: str) -> Markup:
    filled = f"{style}; fill: var(--color-background-primary)"
    return tag("circle", tag("title", told), cx=x, cy=y, r=3, style=filled)


def _text(text: str, x: float, y: float, anchor: str = "middle") -> Markup:
    return tag("text", text, x=x, y=y, text_anchor=anchor, style=_TEXT)


def _x(value: float, most: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * value / most


def _y(value: float, most: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / most
