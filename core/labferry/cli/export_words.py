"""What is said of the exports of a run: what they are called, and how they ended."""

from collections import Counter
from collections.abc import Iterable, Sequence

from labferry.sdk import DownloadCheck, ExportReport, Outcome

_PARTIAL = "partial"
WORDS = (Outcome.STORED, Outcome.UNCHANGED, _PARTIAL, Outcome.PENDING, Outcome.FAILED)
"""How an export can have ended, the best first."""
_NAMED = 3
"""How many exports with the same problem are named."""


_NOT_VERIFIED = {
    DownloadCheck.DECLARED_SIZE: "no: size only",
    DownloadCheck.SOUND: "no: sound only",
    DownloadCheck.NONE: "no: unchecked",
}
_NOTES = {
    DownloadCheck.DECLARED_SIZE: "its server declared its size, but no checksum",
    DownloadCheck.SOUND: "its server declared neither size nor checksum; it is sound inside",
    DownloadCheck.NONE: "its server declared neither size nor checksum",
}


def not_verified(check: DownloadCheck | None) -> str:
    """In a table, instead of when an archive was verified; empty if its digest was declared."""
    return _NOT_VERIFIED.get(check, "") if check is not None else ""


def download_note(export: ExportReport) -> str:
    """A clause about an archive that was stored without a declared digest; else empty."""
    checks = [receipt.download_check for receipt in export.receipts]
    return next((_NOTES[check] for check in checks if check in _NOTES), "")


def word(export: ExportReport) -> str:
    """How an export ended: one that failed at some destinations and not at others is partial."""
    is_partial = export.outcome is Outcome.FAILED and export.receipts
    return _PARTIAL if is_partial else export.outcome


class ExportNames:
    """What the exports of a run are called.

    A run can have several of the same series, where earlier ones left some. The beginning of
    their archives' ids, which is the time when they were asked for, tells them apart.

    Args:
        exports: All exports of the run.
    """

    def __init__(self, exports: Iterable[ExportReport]) -> None:
        self._counts = Counter(_name(export) for export in exports)

    def of(self, export: ExportReport) -> str:
        """The name of one export."""
        name, archive = _name(export), export.archive_id
        if archive is None or self._counts[name] == 1:
            return name
        return f"{name}, {archive.partition('-')[0]}"

    def of_all(self, exports: Sequence[ExportReport]) -> str:
        """The names of exports that something holds for, as the subject of a sentence."""
        counts = Counter(_name(export) for export in exports)
        single = {_name(export): self.of(export) for export in exports}
        names = [
            single[name] if count == 1 else f"{name} ({count} archives)"
            for name, count in counts.items()
        ]
        more = len(names) - _NAMED
        listed = ", ".join(names[:_NAMED])
        return f"{listed} and {more} more" if more > 0 else listed


def _name(export: ExportReport) -> str:
    return f"{export.source}: {export.title}"
