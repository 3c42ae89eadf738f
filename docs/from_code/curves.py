"""A chart of what a sync costs, as SVG."""

from collections.abc import Mapping, Sequence

import jinja2

from labferry.report_page.charts import COUNT, DURATION

_LEFT, _TOP, _RIGHT, _BOTTOM = 60, 30, 560, 190
_WIDTH, _HEIGHT = 640, 220
_LINES = (
    ("seconds", "elapsed", "stroke: var(--color-brand-content)"),
    ("cpu", "processor", "stroke: var(--color-foreground-muted); stroke-dasharray: 5 3"),
)
# The theme's colours, which change if the reader likes it dark. One line, as blank lines would end
# the HTML block of the page that it stands in.
_CHART = """\
{%- macro text(text, x, y, anchor="middle") -%}
<text x="{{ x }}" y="{{ y }}" text-anchor="{{ anchor }}" \
style="fill: var(--color-foreground-secondary); font-size: 12px">{{ text }}</text>
{%- endmacro -%}
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ width }} {{ height }}" role="img" \
aria-label="{{ label }}" style="max-width: 45em">
{%- for shown, y in up -%}
<path d="M{{ left }} {{ y }}H{{ right }}" style="stroke: var(--color-background-border)"></path>
{{- text(shown, left - 6, y + 4, "end") }}
{%- endfor -%}
{%- for shown, x in across -%}{{ text(shown, x, height - 10) }}{%- endfor -%}
{%- for name, style, places in lines -%}
<path d="{% for x, y, _ in places %}{{ "L" if loop.index0 else "M" }}{{ x }} {{ y }}{% endfor %}" \
style="{{ style }}; fill: none; stroke-width: 2"></path>
{%- for x, y, figures in places -%}
<circle cx="{{ x }}" cy="{{ y }}" r="3" style="{{ style }}; fill: var(--color-background-primary)">\
<title>{{ figures }}</title></circle>
{%- endfor -%}
{{ text(name, places[-1][0] + 8, places[-1][1] + 4, "start") }}
{%- endfor -%}
</svg>"""

Point = Mapping[str, float]


def drawn(label: str, points: Sequence[Point]) -> str:
    """Elapsed time and processor time.

    Args:
        label: What the chart shows, for those who can't see it.
        points: At least one, each with `at`, `seconds` and `cpu`.
    """
    across = COUNT.marks(max(point["at"] for point in points))
    up = DURATION.marks(max(max(point["seconds"], point["cpu"]) for point in points))
    lines = [
        (
            name,
            style,
            [
                (
                    _x(point["at"], across[-1]),
                    _y(point[key], up[-1]),
                    f"{point['at']:g}: {point[key]:.2f} s, {name}",
                )
                for point in points
            ],
        )
        for key, name, style in _LINES
    ]
    environment = jinja2.Environment(autoescape=True, finalize=_shown)
    return environment.from_string(_CHART).render(
        label=label,
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        right=_RIGHT,
        across=[(COUNT.show(mark), _x(mark, across[-1])) for mark in across],
        up=[(DURATION.show(mark), _y(mark, up[-1])) for mark in up],
        lines=lines,
    )


def _shown(value: object) -> object:
    return f"{round(value, 2):g}" if isinstance(value, float) else value


def _x(value: float, most: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * value / most


def _y(value: float, most: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / most
