"""Tables for people."""

from collections.abc import Sequence

import click

from labferry.sdk import redact

__all__ = ["print_table"]


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows to stdout, in columns as wide as they need to be.

    Args:
        head: The names of the columns.
        rows: As many cells each.
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(redact("  ".join(cells).rstrip()))
