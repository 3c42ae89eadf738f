"""Which medium each destination was seen on: disks take turns, a NAS is wiped or exchanged."""

from collections.abc import Collection
from datetime import datetime

from labferry.ledger.store import Store
from labferry.ledger.timestamps import stamp


class Markers:
    """The markers that were seen at each destination. May be used from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def current(self, destination: str) -> str | None:
        """The marker that was seen at a destination last; None if there never was one."""
        rows = self._store.rows(
            "SELECT marker FROM markers WHERE destination = ? ORDER BY place DESC LIMIT 1",
            destination,
        )
        return rows[0][0] if rows else None

    def knows(self, destination: str, marker: str) -> bool:
        """Whether a marker was ever seen at a destination."""
        return bool(
            self._store.rows(
                "SELECT 1 FROM markers WHERE destination = ? AND marker = ?", destination, marker
            )
        )

    def takes_turns(self, destination: str) -> bool:
        """Whether a medium ever came back to a destination after another one had been there."""
        query = "SELECT 1 FROM markers WHERE destination = ? AND has_returned LIMIT 1"
        return bool(self._store.rows(query, destination))

    def saw(self, destination: str, marker: str) -> None:
        """Note which marker a destination has now."""
        if marker == self.current(destination):
            return
        self._store.execute(
            "INSERT INTO markers (destination, marker, place, has_returned) VALUES (?, ?, "
            "(SELECT 1 + coalesce(max(place), 0) FROM markers AS others "
            "WHERE others.destination = ?), 0) "
            "ON CONFLICT DO UPDATE SET place = excluded.place, has_returned = 1",
            *(destination, marker, destination),
        )

    def saw_another(
        self, destination: str, marker: str | None, listed: Collection[str], now: datetime
    ) -> int:
        """Note that a destination is on another medium than before, and what that holds.

        Args:
            destination: The destination.
            marker: The medium's marker; None if it has none.
            listed: The ids of all archives there.
            now: The time.

        Returns:
            How many copies were there before, and are not now.
        """
        with self._store.transaction():
            rows = self._store.rows(
                "SELECT archive_id, away_since FROM copies WHERE destination = ? "
                "AND stored_at IS NOT NULL AND removing_at IS NULL",
                destination,
            )
            lost = [each for each, away in rows if away is None and each not in listed]
            back = [each for each, away in rows if away is not None and each in listed]
            for archive_ids, since in ((lost, stamp(now)), (back, None)):
                for each in archive_ids:
                    self._store.execute(
                        "UPDATE copies SET away_since = ? WHERE destination = ? AND archive_id = ?",
                        *(since, destination, each),
                    )
            if marker is not None:
                self.saw(destination, marker)
        return len(lost)
