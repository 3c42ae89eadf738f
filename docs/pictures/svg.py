"""Recordings as SVG: no script, no font, and nothing else from elsewhere."""

import io
import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from xml.sax.saxutils import escape

from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from .terminal import Recording

_SECONDS = 0.4
_LAST = 12
"""How many times longer than others the last screen is shown."""
_MOST = 15
_APART = 0.3
"""Seconds between two screens of a recording that are shown both."""

_ACROSS, _DOWN, _SIZE, _EDGE = 8.4, 20, 14, 16
_FONTS = 'ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace'
_BACK, _FRONT = "#181c21", "#e1e5ea"
_THEME = TerminalTheme(
    *((24, 28, 33), (225, 229, 234)),
    [
        *((72, 80, 90), (255, 123, 134), (126, 211, 154), (236, 196, 106)),
        *((124, 184, 242), (214, 160, 240), (110, 208, 213), (225, 229, 234)),
    ],
    [
        *((139, 149, 160), (255, 150, 160), (150, 230, 175), (250, 214, 130)),
        *((150, 200, 255), (228, 180, 250), (140, 225, 230), (255, 255, 255)),
    ],
)
_WORDS = re.compile(r"\S+(?: \S+)*")


def still(recording: Recording) -> str:
    """The screen as the command left it."""
    screens = [screen for _, screen in recording.screens()]
    return _svg(recording, screens[-1:])


def moving(recording: Recording) -> str:
    """The screens one after the other; the last alone for who wants nothing to move."""
    return _svg(recording, _few(list(recording.screens())))


def _few(screens: Sequence[tuple[float, str]]) -> Sequence[str]:
    """Some of the screens that differ, the last among them."""
    chosen: list[str] = []
    for _, those in groupby(screens, key=lambda each: int(each[0] / _APART)):
        *_, (_, screen) = those
        if screen not in chosen[-1:]:
            chosen.append(screen)
    *before, last = chosen
    return [*before[:: -(-len(before) // _MOST) or 1], last]


def _svg(recording: Recording, screens: Sequence[str]) -> str:
    columns = recording.columns
    rows = [_rows(screen, columns) for screen in screens]
    width = round(columns * _ACROSS + 2 * _EDGE)
    height = max(map(len, rows)) * _DOWN + 2 * _EDGE
    shown = "\n".join(f'<g class="screen">\n{_drawn(each)}\n</g>' for each in rows)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
 width="{width}" height="{height}" role="img">
<title>{escape(recording.command)}</title>
<style>
text {{ font-family: {_FONTS}; font-size: {_SIZE}px; white-space: pre; }}
{_motion(len(screens))}</style>
<rect width="{width}" height="{height}" rx="8" fill="{_BACK}"/>
{shown}
</svg>
"""


def _motion(count: int) -> str:
    """The style that shows one screen after the other, again and again."""
    if count == 1:
        return ""
    whole = count - 1 + _LAST
    begins = [100 * place / whole for place in range(count)]
    rules = [
        f".screen:nth-of-type({place}) {{ animation-name: s{place}; }}\n"
        f"@keyframes s{place} {{ 0% {{ visibility: hidden; }} "
        f"{begin:.2f}% {{ visibility: visible; }} {end:.2f}% {{ visibility: hidden; }} }}\n"
        for place, (begin, end) in enumerate(pairwise([*begins, 100.0]), start=1)
    ]
    return (
        ".screen:not(:last-of-type) { visibility: hidden; }\n"
        "@media (prefers-reduced-motion: no-preference) {\n"
        f".screen {{ animation: {whole * _SECONDS:.1f}s step-end infinite; }}\n"
        f"{''.join(rules)}}}\n"
    )


def _rows(screen: str, columns: int) -> list[list[Segment]]:
    console = Console(file=io.StringIO(), width=columns, force_terminal=True, color_system="256")
    lines = Text.from_ansi(screen).split(allow_blank=True)
    # A terminal breaks lines anywhere.
    broken = [part for line in lines for part in line.divide(range(columns, len(line), columns))]
    return console.render_lines(Text("\n").join(broken), pad=False)


def _drawn(rows: Sequence[Sequence[Segment]]) -> str:
    return "\n".join(
        drawn
        for number, row in enumerate(rows)
        for column, text, style in _words(row)
        for drawn in [_text(column, number, text, style)]
    )


def _words(row: Sequence[Segment]) -> Iterator[tuple[int, str, Style]]:
    """What there is to be seen of a row, and the columns in which that begins."""
    column = 0
    for segment in row:
        for words in _WORDS.finditer(segment.text):
            yield column + words.start(), words[0], segment.style or Style.null()
        column += segment.cell_length


def _text(column: int, row: int, text: str, style: Style) -> str:
    x, y = _EDGE + column * _ACROSS, _EDGE + row * _DOWN + _SIZE
    weight = ' font-weight="bold"' if style.bold else ""
    faint = ' opacity="0.7"' if style.dim else ""
    return (
        f'<text x="{x:.1f}" y="{y}" textLength="{len(text) * _ACROSS:.1f}" '
        f'fill="{_colour(style.color)}"{weight}{faint}>{escape(text)}</text>'
    )


def _colour(colour: Color | None) -> str:
    if colour is None or colour.is_default:
        return _FRONT
    return colour.get_truecolor(_THEME).hex
