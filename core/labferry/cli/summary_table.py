"""The tables at the end of a run, as wide as the terminal lets them be."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from labferry.cli.export_words import WORDS, ExportNames, download_note, word
from labferry.cli.output import painted, say
from labferry.cli.tables import Cell, print_if_it_fits
from labferry.runtime.units import show_size
from labferry.sdk import Checked, ExportReport, MissingCopy, Outcome, Receipt

_HEAD = ("EXPORT", "OUTCOME", "SIZE", "DESTINATION", "CHECKED", "KEY")
_NARROWEST = 14
"""Columns; nobody wants to read the name of an export or a source in fewer."""
_MANY = 20
"""Exports; if there are more, only those that failed or wait have a line each."""
_UNFINISHED = (Outcome.FAILED, Outcome.PENDING)
_HOW = {
    Checked.READ_BACK: "read back",
    Checked.STORE_CHECKSUM: "checksum",
    Checked.SIZE: "size",
}


def print_exports(exports: Sequence[ExportReport]) -> None:
    """Print what became of all exports of a run, and the pages that somebody has to look at."""
    names, listed = ExportNames(exports), exports
    if len(exports) > _MANY:
        _print_sources(exports)
        listed = [each for outcome in _UNFINISHED for each in exports if each.outcome is outcome]
    if listed:
        if listed is not exports:
            say()
            say("Not stored at every destination:")
        _print_each(listed[:_MANY], names)
        _print_rest(len(listed) - _MANY)
    notes = [f"{names.of(each)}: {note}" for each in exports if (note := download_note(each))]
    if notes:
        say()
        say("Not verified:")
        for note in notes[:_MANY]:
            say(f"  {note}")
        _print_rest(len(notes) - _MANY)
    found = [f"{names.of(export)} at {page}" for export in exports for page in pages(export)]
    if found:
        say()
        say("To look at:")
        for page in found[:_MANY]:
            say(f"  {page}")
        _print_rest(len(found) - _MANY)
    say()


def pages(export: ExportReport) -> Iterator[str]:
    """The pages that somebody has to look at, such as the draft of a record, each with its place.

    An address that ends with the key only says where the bytes are.
    """
    for receipt in export.receipts:
        url = receipt.url or ""
        if url.startswith(("https://", "http://")) and not url.endswith(receipt.key):
            yield f"{receipt.destination}: {url}"


def how_many(exports: Sequence[ExportReport], ended: str) -> int:
    """How many exports ended like this, in one of the `WORDS`."""
    return sum(word(export) == ended for export in exports)


def stored_bytes(exports: Sequence[ExportReport]) -> int:
    """How large all archives are that were stored."""
    return sum(export.size or 0 for export in exports if export.outcome is Outcome.STORED)


def _print_sources(exports: Sequence[ExportReport]) -> None:
    words = [each for each in WORDS if how_many(exports, each)]
    rows = []
    for source, group in groupby(sorted(exports, key=attrgetter("source")), attrgetter("source")):
        own = [*group]
        counts = [str(how_many(own, each) or "-") for each in words]
        rows.append((source, *counts, show_size(stored_bytes(own))))
    head = ("SOURCE", *(each.upper() for each in words), "SIZE")
    if not print_if_it_fits(head, rows, narrowest=_NARROWEST):
        for source, *cells in rows:
            counts = [f"{each} {cell}" for each, cell in zip(words, cells, strict=False)]
            say(source)
            say(f"  {', '.join([*counts, cells[-1]])}")


def _print_each(exports: Sequence[ExportReport], names: ExportNames) -> None:
    rows = [_row(export, names) for export in exports]
    if any(export.receipts for export in exports) and print_if_it_fits(_HEAD, rows):
        return
    without_keys = [row[:-1] for row in rows]
    if not print_if_it_fits(_HEAD[:-1], without_keys, narrowest=_NARROWEST):
        for export in exports:
            _print_lines(export, names)


def _print_lines(export: ExportReport, names: ExportNames) -> None:
    size = "" if export.size is None else f", {show_size(export.size)}"
    say(names.of(export))
    say("  ", painted(word(export)), size)
    for each in _copies(export):
        say(f"  {each.destination}: ", painted(_how(each)))


def _row(export: ExportReport, names: ExportNames) -> tuple[Cell, ...]:
    copies = _copies(export)
    keys = [receipt.key for receipt in export.receipts]
    # One for all, or each beside its destination.
    shown = keys if len({*keys}) > 1 else keys[:1]
    return (
        names.of(export),
        word(export),
        "-" if export.size is None else show_size(export.size),
        tuple(each.destination for each in copies) or "-",
        tuple(_how(each) for each in copies) or "-",
        tuple(shown) or "-",
    )


def _copies(export: ExportReport) -> Sequence[Receipt | MissingCopy]:
    """What became of an export at each destination: those that have it come first."""
    return (*export.receipts, *export.missing)


def _how(copy: Receipt | MissingCopy) -> str:
    return copy.outcome if isinstance(copy, MissingCopy) else _HOW[copy.checked]


def _print_rest(count: int) -> None:
    if count > 0:
        say(f"  and {count} more: --json lists all")
