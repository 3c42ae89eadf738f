"""The tables at the end of a run, as wide as the terminal lets them be."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

import click

from labferry.cli.output import painted
from labferry.cli.tables import print_if_it_fits
from labferry.cli.units import show_size
from labferry.sdk import Checked, ExportReport, Outcome, redact

__all__ = ["how_many", "named", "pages", "print_exports", "stored_bytes"]

_HEAD = ("EXPORT", "OUTCOME", "SIZE", "DESTINATION", "CHECKED", "KEY")
_NARROWEST = 14
"""Columns; nobody wants to read the name of an export or a source in fewer."""
_MANY = 20
"""Exports; of more, only those that are not stored are told one by one."""
_HOW = {
    Checked.READ_BACK: "read back",
    Checked.STORE_CHECKSUM: "checksum",
    Checked.SIZE: "size",
}


def print_exports(exports: Sequence[ExportReport]) -> None:
    """Print what became of all exports of a run, and the pages that somebody has to look at."""
    told = exports
    if len(exports) > _MANY:
        _print_sources(exports)
        failed = [export for export in exports if export.outcome is Outcome.FAILED]
        told = [*failed, *(e for e in exports if e.outcome is Outcome.PENDING)]
    if told:
        if told is not exports:
            click.echo("\nNot stored:")
        _print_each(told[:_MANY])
        _print_rest(len(told) - _MANY)
    found = [f"{named(export)} at {page}" for export in exports for page in pages(export)]
    if found:
        click.echo("\nTo look at:")
        for page in found[:_MANY]:
            click.echo(redact(f"  {page}"))
        _print_rest(len(found) - _MANY)
    click.echo()


def named(export: ExportReport) -> str:
    """What an export is called."""
    return f"{export.source}: {export.title}"


def pages(export: ExportReport) -> Iterator[str]:
    """The pages that somebody has to look at, such as the draft of a record, each with its place.

    An address that ends with the key only tells where the bytes are.
    """
    for receipt in export.receipts:
        url = receipt.url or ""
        if url.startswith(("https://", "http://")) and not url.endswith(receipt.key):
            yield f"{receipt.destination}: {url}"


def how_many(exports: Sequence[ExportReport], outcome: Outcome) -> int:
    """How many exports ended like this."""
    return sum(export.outcome is outcome for export in exports)


def stored_bytes(exports: Sequence[ExportReport]) -> int:
    """How large all archives are that were stored."""
    return sum(export.size or 0 for export in exports if export.outcome is Outcome.STORED)


def _print_sources(exports: Sequence[ExportReport]) -> None:
    outcomes = [outcome for outcome in Outcome if how_many(exports, outcome)]
    rows = []
    for source, group in groupby(sorted(exports, key=attrgetter("source")), attrgetter("source")):
        own = [*group]
        counts = [str(how_many(own, outcome) or "-") for outcome in outcomes]
        rows.append((source, *counts, show_size(stored_bytes(own))))
    head = ("SOURCE", *(outcome.upper() for outcome in outcomes), "SIZE")
    if not print_if_it_fits(head, rows, narrowest=_NARROWEST):
        for source, *cells in rows:
            told = [f"{outcome} {cell}" for outcome, cell in zip(outcomes, cells, strict=False)]
            click.echo(f"{source}\n  {', '.join([*told, cells[-1]])}")


def _print_each(exports: Sequence[ExportReport]) -> None:
    rows = [_row(export) for export in exports]
    if any(export.receipts for export in exports) and print_if_it_fits(_HEAD, rows):
        return
    without_keys = [row[:-1] for row in rows]
    if not print_if_it_fits(_HEAD[:-1], without_keys, narrowest=_NARROWEST):
        for export in exports:
            _print_lines(export)


def _print_lines(export: ExportReport) -> None:
    size = "" if export.size is None else f", {show_size(export.size)}"
    places = [f"  {receipt.destination}: {_HOW[receipt.checked]}" for receipt in export.receipts]
    for line in (named(export), f"  {painted(export.outcome)}{size}", *places):
        click.echo(redact(line))


def _row(export: ExportReport) -> tuple[str, ...]:
    receipts = export.receipts
    keys = [receipt.key for receipt in receipts]
    # One for all, or each beside its destination.
    shown = keys if len({*keys}) > 1 else keys[:1]
    return (
        named(export),
        export.outcome,
        "-" if export.size is None else show_size(export.size),
        "\n".join(receipt.destination for receipt in receipts) or "-",
        "\n".join(_HOW[receipt.checked] for receipt in receipts) or "-",
        "\n".join(shown) or "-",
    )


def _print_rest(count: int) -> None:
    if count > 0:
        click.echo(f"  and {count} more: --json tells of all")
