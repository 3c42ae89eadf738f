"""Series that are exported no more: which of them were reported, and what is left of them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from labferry.ledger.records import Run
from labferry.ledger.store import Store
from labferry.ledger.timestamps import moment, stamp
from labferry.sdk.secrets import redact_stored


@dataclass(frozen=True, slots=True)
class LastArchive:
    """The newest archive of a series.

    Attributes:
        archive_id: The archive.
        destinations: Where it is.
    """

    archive_id: str
    destinations: Sequence[str]


class Vanished:
    """What the ledger knows of a source's series that the newest plan lacks.

    Args:
        store: The ledger's database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def unreported(self, source: str, planned: Collection[str]) -> Sequence[int]:
        """The newest export of each series that is not planned, by its number in the ledger.

        Those that a run reported, and came to its end, are left out.

        Args:
            source: The source's name.
            planned: The series that are planned now.
        """
        known = {redact_stored(series) for series in planned} | self._reported(source)
        rows = self._store.rows(
            "SELECT max(id), json_extract(request, '$.series') FROM exports "
            "INDEXED BY exports_series WHERE source = ? GROUP BY json_extract(request, '$.series')",
            source,
        )
        return [number for number, series in rows if series not in known]

    def note(self, run: Run, source: str, vanished: Iterable[str], planned: Iterable[str]) -> None:
        """Note which series a run reports, and that it may report again those that are back."""
        back = {redact_stored(series) for series in planned} & self._noted(source).keys()
        for series in sorted(back):
            self._store.execute("DELETE FROM milestones WHERE name = ?", _name(source, series))
        for series in vanished:
            self._store.execute(
                "INSERT OR REPLACE INTO milestones VALUES (?, ?)",
                *(_name(source, str(redact_stored(series))), stamp(run.started_at)),
            )

    def last_archive(self, source: str, series: str) -> LastArchive | None:
        """The newest archive of a series that is anywhere; None if there is none."""
        rows = self._store.rows(
            "SELECT archive_id, destination FROM copies WHERE source = ? AND series = ? "
            "AND stored_at IS NOT NULL AND removing_at IS NULL "
            "ORDER BY submitted_at DESC, archive_id, destination",
            *(source, redact_stored(series)),
        )
        if not rows:
            return None
        newest = rows[0][0]
        return LastArchive(newest, [name for identity, name in rows if identity == newest])

    def _reported(self, source: str) -> set[str]:
        """Without what a run noted that was killed: it may have reported nothing."""
        ended = {
            row[0]
            for row in self._store.rows("SELECT started_at FROM runs WHERE ended_at IS NOT NULL")
        }
        return {series for series, began in self._noted(source).items() if began in ended}

    def _noted(self, source: str) -> dict[str, str]:
        """The series that were noted, and when the run began that did so, as in `runs`."""
        begin = _name(source, "")
        rows = self._store.rows(
            "SELECT name, reached_at FROM milestones WHERE substr(name, 1, ?) = ?",
            *(len(begin), begin),
        )
        moments = ((name, moment(reached_at)) for name, reached_at in rows)
        return {name[len(begin) :]: at.isoformat() for name, at in moments if at is not None}


def _name(source: str, series: str) -> str:
    return f"vanished {source} {series}"
