"""The part of the page on when copies were read back."""

from collections.abc import Mapping

from labferry.report_page.charts import Part, share_bar
from labferry.report_page.document import Coverage, Report, Unread
from labferry.report_page.markup import Markup
from labferry.report_page.parts import key, message, more, name, note, number, section, table, when
from labferry.report_page.units import NONE, show_size

CLASSES: Mapping[str, str] = {
    "week": "in the last 7 days",
    "month": "in the last 30 days",
    "quarter": "in the last 90 days",
    "older": "longer ago",
    "never": "never",
    "bad": "damaged or missing",
}
"""When copies were last read back, by the word that also is the class of their colour."""

_ABOUT = (
    "A copy that was read back was compared with its checksum, byte for byte. Each copy is counted "
    "once, by the last time that went well."
)


def verification(report: Report) -> Markup:
    """The section: shares for each destination, then the copies to worry about most."""
    content = [note(_ABOUT)]
    if not any(sum(each.counts.values()) for each in report.coverage):
        content.append(note("No copy is stored yet."))
    else:
        figures = map(number, CLASSES.values())
        head = ("Destination", number("Copies"), number("Size"), "Share", *figures)
        rows = [_row(each) for each in report.coverage]
        content += [key(CLASSES), table("Copies by when they were last read back", head, rows)]
    if report.unread:
        head = ("Archive", "Destination", "Read back", "Problem", "Stored", "Source")
        rows = [_unread(each) for each in report.unread]
        content.append(table("Copies read back least recently, bad ones first", head, rows))
        content.append(more(report.more_unread, "copies"))
    return section("verification", "Verification", *content)


def _row(coverage: Coverage) -> tuple[str, ...]:
    counts = {word: coverage.counts.get(word, 0) for word in CLASSES}
    parts = [
        Part(counts[word], word, f"{coverage.destination}: {counts[word]} {label}")
        for word, label in CLASSES.items()
    ]
    said = ", ".join(f"{counts[word]} {label}" for word, label in CLASSES.items() if counts[word])
    bar = share_bar(f"Copies read back: {said or 'none'}", parts)
    whole = sum(counts.values())
    size = show_size(coverage.size)
    return (
        name(coverage.destination),
        number(whole),
        number(size),
        bar,
        *map(number, counts.values()),
    )


def _unread(unread: Unread) -> tuple[str, ...]:
    return (
        name(unread.archive_id),
        name(unread.destination),
        when(unread.verified, "never"),
        message(unread.problem) if unread.problem else NONE,
        when(unread.stored),
        name(unread.source),
    )
