"""Tables for people."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

import click

from labferry.cli.output import painted
from labferry.sdk import redact

_GAP = "  "


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows to stdout, in columns as wide as they need to be.

    Args:
        head: The names of the columns.
        rows: As many cells each; a cell may have several lines.
    """
    widths = _widths(head, rows)
    for row in (head, *rows):
        for cells in zip_longest(*(cell.splitlines() for cell in row), fillvalue=""):
            line = _GAP.join(
                painted(cell) + " " * (width - _width(cell))
                for cell, width in zip(cells, widths, strict=True)
            )
            click.echo(redact(line.rstrip()))


def print_if_it_fits(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, narrowest: int | None = None
) -> bool:
    """Print rows as `print_table` does, if the terminal is wide enough for them.

    Args:
        head: The names of the columns.
        rows: As many cells each.
        narrowest: The fewest columns of the terminal into which the first cells of the rows may
            be wrapped; None where they must not be.

    Returns:
        Whether it was.
    """
    needed, *others = _widths(head, rows)
    room = shutil.get_terminal_size().columns - sum(len(_GAP) + width for width in others)
    if room < min(needed, narrowest or needed):
        return False
    print_table(head, [(textwrap.fill(first, room), *rest) for first, *rest in rows])
    return True


def print_what_fits(
    head: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str]
) -> None:
    """Print rows as `print_table` does, but on a terminal only the columns it has room for.

    Where even the others are too many, each row is two lines.

    Args:
        head: The names of the columns.
        rows: As many cells each.
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
        click.echo(redact(f"{first}\n  {', '.join(map(painted, others))}"))


def wrapped(text: str, mark: str = "") -> str:
    """A text in the width of the terminal, if it goes to one.

    Paths and addresses are left whole, to be copied.

    Args:
        text: One paragraph.
        mark: What the first line begins with; the others are indented as far.
    """
    if not sys.stdout.isatty():
        return f"{mark}{text}"
    return textwrap.fill(
        text,
        shutil.get_terminal_size().columns,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _widths(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Sequence[int]:
    return [
        max(_width(line) for cell in column for line in ["", *cell.splitlines()])
        for column in zip(head, *rows, strict=True)
    ]


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - rarely needed

    return cell_len(text)
