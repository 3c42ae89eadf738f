"""Tables for people."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from labferry.cli.output import painted, say, shown

_GAP = "  "


Cell = str | tuple[str, ...]
"""What is in one place of a table: a line, or several."""


def print_table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows to stdout, in columns as wide as they need to be.

    Args:
        head: The names of the columns.
        rows: As many cells each.
    """
    widths = _widths(head, rows)
    for row in (head, *rows):
        for cells in zip_longest(*map(_lines, row), fillvalue=""):
            # Nothing is put behind the last words of a line.
            filled = next((count for count in range(len(cells), 1, -1) if cells[count - 1]), 1)
            parts: list[str] = []
            for cell, width in zip(cells[:filled], widths, strict=False):
                parts += [painted(cell), " " * (width - _width(cell)) + _GAP]
            say(*parts[:-1])


def print_if_it_fits(
    head: Sequence[str], rows: Sequence[Sequence[Cell]], *, narrowest: int | None = None
) -> bool:
    """Print rows as `print_table` does, if the terminal is wide enough for them.

    Args:
        head: The names of the columns.
        rows: As many cells each, the first of one line.
        narrowest: The fewest columns of the terminal into which the first cells of the rows may
            be wrapped; None where they must not be.

    Returns:
        Whether it was.
    """
    needed, *others = _widths(head, rows)
    room = shutil.get_terminal_size().columns - sum(len(_GAP) + width for width in others)
    if room < min(needed, narrowest or needed):
        return False
    print_table(head, [(_wrapped(first, room), *rest) for first, *rest in rows])
    return True


def print_what_fits(
    head: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str]
) -> None:
    """Print rows as `print_table` does, but on a terminal only the columns it has room for.

    Where even the others are too many, each row is two lines.

    Args:
        head: The names of the columns.
        rows: As many cells each, of one line.
        spare: The columns that can be left out, the first to go first.
    """
    if not sys.stdout.isatty():
        print_table(head, rows)
        return
    slim = rows
    for count in range(len(spare) + 1):
        left = [place for place, name in enumerate(head) if name not in spare[:count]]
        slim = [[row[place] for place in left] for row in rows]
        if print_if_it_fits([head[place] for place in left], slim):
            return
    for first, *others in slim:
        say(first)
        say("  ", *[part for each in others for part in (painted(each), ", ")][:-1])


def clipped(text: str, width: int) -> str:
    """The text; on a terminal only as much of it as a column of that width has room for."""
    clear = shown(text)
    if not sys.stdout.isatty() or _width(clear) <= width:
        return clear
    from rich.cells import set_cell_size  # noqa: PLC0415 - rarely needed

    return f"{set_cell_size(clear, width - 1).rstrip()}…"


def without_empty(
    head: Sequence[str], rows: Sequence[Sequence[str]], column: str
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """A table; without one column if nothing is in it. Where a cell of it is empty stands `-`."""
    place = head.index(column)
    if any(row[place] for row in rows):
        return head, [[*row[:place], row[place] or "-", *row[place + 1 :]] for row in rows]
    slim = [[*cells[:place], *cells[place + 1 :]] for cells in (head, *rows)]
    return slim[0], slim[1:]


def say_wrapped(text: str, mark: str = "", *, to_stderr: bool = False) -> None:
    """Print a paragraph in the width of the terminal, if it goes to one.

    Paths and addresses are left whole, to be copied.

    Args:
        text: One paragraph.
        mark: What the first line begins with; the others are indented as far.
        to_stderr: Whether it is a message; otherwise it is data.
    """
    if not sys.stdout.isatty():
        say(mark, text, to_stderr=to_stderr)
        return
    lines = textwrap.wrap(
        shown(text),
        shutil.get_terminal_size().columns - len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(lines or [""]):
        say(" " * len(mark) if number else mark, line, to_stderr=to_stderr)


def _widths(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Sequence[int]:
    return [
        max(_width(line) for cell in column for line in _lines(cell))
        for column in zip(head, *rows, strict=True)
    ]


def _lines(cell: Cell) -> Sequence[str]:
    """The lines of a cell as they are printed."""
    return [shown(line) for line in ((cell,) if isinstance(cell, str) else cell)]


def _wrapped(cell: Cell, width: int) -> Cell:
    return tuple(textwrap.wrap(shown(cell), width)) if isinstance(cell, str) else cell


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - rarely needed

    return cell_len(text)
