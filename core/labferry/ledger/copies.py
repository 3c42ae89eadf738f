"""What each destination holds: one copy of an archive a row, and the chain of their manifests."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from labferry.ledger.records import Copy, Export
from labferry.ledger.series_names import SeriesNames
from labferry.ledger.store import Store
from labferry.ledger.timestamps import moment, stamp
from labferry.sdk import (
    Checked,
    ConflictError,
    InvalidAnswerError,
    Manifest,
    Receipt,
    StateError,
    StoredArchive,
    redact,
)
from labferry.sdk.secrets import redact_stored

_COLUMNS = (
    "destination, archive_id, source, series, key, size, sha256, version_id, submitted_at, "
    "manifest, previous, place, stored_at, checked, checked_at, verified_at, problem, "
    "removing_at, removed_at, download_check, away_since"
)
_MOMENTS = (
    *("submitted_at", "stored_at", "checked_at", "verified_at"),
    *("removing_at", "removed_at", "away_since"),
)
_PRESENT = "stored_at IS NOT NULL AND removing_at IS NULL AND away_since IS NULL"


class Copies:
    """What the ledger knows of each destination's copies. May be used from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def seal(
        self,
        destination: str,
        export: Export,
        key: str,
        now: datetime,
        make: Callable[[str | None], Manifest],
    ) -> bytes:
        """The manifest of an export's copy at a destination, the same bytes at every call.

        The first call decides which manifest was the one before.

        Args:
            destination: The destination.
            export: The export.
            key: Where the destination keeps the copy.
            now: The time.
            make: Makes the manifest, given the SHA-256 of the one before, or None for the first.

        Raises:
            ConflictError: Other bytes are committed there as this archive.
            StateError: The export has no archive yet.
        """
        if export.archive_id is None or export.job.submitted_at is None:
            raise StateError(f"The ledger does not know the archive of {export.request.title}.")
        with self._store.transaction():
            known = self.get(destination, export.archive_id)
            manifest = make(known.previous if known else self._last_digest(destination))
            same = (key, manifest.size, manifest.sha256)
            if known is not None and (known.key, known.size, known.sha256) == same:
                document = self.document(destination, export.archive_id)
                if document is not None:
                    return document
            if known is not None and known.place is not None:
                raise ConflictError(
                    f"{destination} has {export.archive_id} already, with other content."
                )
            return self._write_seal(destination, export, key, now, manifest)

    def commit(self, receipt: Receipt, now: datetime) -> None:
        """Note that a destination has a copy, by its receipt; what was sealed of it is final."""
        read_at = stamp(now) if receipt.checked is Checked.READ_BACK else None
        self._store.execute(
            "UPDATE copies SET stored_at = ?, version_id = ?, checked = ?, checked_at = ?, "
            "verified_at = ?, problem = '', place = 1 + (SELECT coalesce(max(place), 0) "
            "FROM copies AS others WHERE others.destination = copies.destination) "
            "WHERE destination = ? AND archive_id = ? AND place IS NULL",
            *(stamp(now), receipt.version_id, receipt.checked, read_at, read_at),
            *(receipt.destination, receipt.archive_id),
        )

    def adopt(self, destination: str, stored: StoredArchive, now: datetime) -> bool:
        """Learn of a copy from its destination, where the ledger lacks it or its manifest.

        Returns:
            Whether there was something to learn.
        """
        manifest = stored.manifest
        document = manifest.to_json()
        with self._store.transaction():
            known = self.get(destination, manifest.archive_id)
            if known is not None and known.manifest is not None:
                return False
            place = known.place if known else None
            stored_at = stamp((known.stored_at if known else None) or now)
            self._store.execute(
                "INSERT INTO copies (destination, archive_id, source, series, key, size, sha256, "
                "version_id, submitted_at, manifest, previous, place, stored_at, download_check) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET manifest = excluded.manifest, "
                "previous = excluded.previous, download_check = excluded.download_check",
                *(destination, manifest.archive_id, manifest.source.name, manifest.source.series),
                *(stored.key, manifest.size, manifest.sha256, stored.version_id),
                *(stamp(manifest.job.submitted), digest(document), manifest.previous),
                *(place or self._next_place(destination), stored_at, manifest.download_check),
            )
            self._keep(destination, manifest.archive_id, document)
            SeriesNames(self._store).learn(manifest, now)
        return True

    def learn(self, destination: str, listed: Iterable[StoredArchive], now: datetime) -> int:
        """Learn all that a destination holds, at the first look at it; later nothing.

        What is put there afterwards, and was not stored from here, stays unknown: whoever can
        write to a destination must not be able to make archives that this machine believes in. A
        machine that stores nothing there itself, but prunes what another one stores, has nothing to
        compare with, and learns at every look. Of archives that share an id, none is learnt: nobody
        can tell which one is genuine.

        Returns:
            How many copies were new.
        """
        name = f"learnt {destination}"
        if self.has_learnt(destination) and self.stores_at(destination):
            return 0
        found = [*listed]
        times = Counter(stored.manifest.archive_id for stored in found)
        count = sum(
            self.adopt(destination, stored, now)
            for stored in found
            if times[stored.manifest.archive_id] == 1
        )
        self._store.execute("INSERT OR IGNORE INTO milestones VALUES (?, ?)", name, stamp(now))
        return count

    def has_learnt(self, destination: str) -> bool:
        """Whether the ledger ever looked at all that a destination holds."""
        name = f"learnt {destination}"
        return bool(self._store.rows("SELECT 1 FROM milestones WHERE name = ?", name))

    def stores_at(self, destination: str) -> bool:
        """Whether this machine ever stored anything at a destination."""
        query = "SELECT 1 FROM copies WHERE destination = ? AND export IS NOT NULL LIMIT 1"
        return bool(self._store.rows(query, destination))

    def replace(self, destination: str, stored: StoredArchive, now: datetime, problem: str) -> None:
        """Note that a good copy takes the place of one that was damaged or gone.

        Args:
            destination: The destination.
            stored: The copy as it is to be.
            now: The time.
            problem: What is to be known of it until it is; empty once it is there and was read
                back.
        """
        document = stored.manifest.to_json()
        manifest = stored.manifest
        self.adopt(destination, stored, now)
        read_at = None if problem else stamp(now)
        with self._store.transaction():
            self._store.execute(
                "UPDATE copies SET key = ?, size = ?, sha256 = ?, version_id = ?, manifest = ?, "
                "previous = ?, away_since = NULL, problem = ?, checked = coalesce(?, checked), "
                "checked_at = coalesce(?, checked_at), verified_at = coalesce(?, verified_at) "
                "WHERE destination = ? AND archive_id = ?",
                *(stored.key, manifest.size, manifest.sha256, stored.version_id),
                *(digest(document), manifest.previous, redact(problem)),
                *(None if problem else Checked.READ_BACK, read_at, read_at),
                *(destination, manifest.archive_id),
            )
            self._keep(destination, manifest.archive_id, document)

    def check(
        self, destination: str, archive_id: str, now: datetime, how: Checked, problem: str = ""
    ) -> None:
        """Note how a look at a copy went.

        Only what was read back in full and found right puts an end to a problem.

        Args:
            destination: The destination.
            archive_id: The archive.
            now: The time.
            how: How it was looked at.
            problem: What is wrong with it; empty where nothing is.
        """
        if how is not Checked.READ_BACK and not problem:
            return
        read_at = stamp(now) if how is Checked.READ_BACK else None
        self._store.execute(
            "UPDATE copies SET checked = ?, checked_at = coalesce(?, checked_at), "
            "verified_at = coalesce(?, verified_at), problem = ? "
            "WHERE destination = ? AND archive_id = ?",
            *(how, read_at, None if problem else read_at, redact(problem)),
            *(destination, archive_id),
        )

    def removing(self, destination: str, archive_id: str, now: datetime) -> None:
        """Note that retention is going to remove a copy; call it before anything is removed."""
        self._store.execute(
            "UPDATE copies SET removing_at = coalesce(removing_at, ?) "
            "WHERE destination = ? AND archive_id = ?",
            *(stamp(now), destination, archive_id),
        )

    def spared(self, destination: str, archive_id: str) -> None:
        """Note that a copy which could not be removed is to stay after all."""
        self._store.execute(
            "UPDATE copies SET removing_at = NULL "
            "WHERE destination = ? AND archive_id = ? AND removed_at IS NULL",
            *(destination, archive_id),
        )

    def removed(self, destination: str, archive_id: str, now: datetime) -> None:
        """Note that retention removed a copy. The chain still knows its manifest by its digest."""
        with self._store.transaction():
            self._store.execute(
                "UPDATE copies SET removing_at = coalesce(removing_at, ?), removed_at = ? "
                "WHERE destination = ? AND archive_id = ?",
                *(stamp(now), stamp(now), destination, archive_id),
            )
            self._store.execute(
                "DELETE FROM manifests WHERE destination = ? AND archive_id = ?",
                *(destination, archive_id),
            )

    def get(self, destination: str, archive_id: str) -> Copy | None:
        """One copy, whatever became of it."""
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM copies WHERE destination = ? AND archive_id = ?",  # noqa: S608 - ours
            *(destination, archive_id),
        )
        return _copy(rows[0]) if rows else None

    def at(self, destination: str) -> Sequence[Copy]:
        """All that was ever committed at a destination, in that order, what was removed too."""
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM copies WHERE destination = ? AND place IS NOT NULL "  # noqa: S608 - ours
            "ORDER BY place",
            destination,
        )
        return [_copy(row) for row in rows]

    def verified_at(self, destination: str, archive_id: str) -> datetime | None:
        """When a copy was last read back and found right; None where that is not known."""
        rows = self._store.rows(
            "SELECT verified_at FROM copies WHERE destination = ? AND archive_id = ?",
            *(destination, archive_id),
        )
        return moment(rows[0][0]) if rows else None

    def to_check(self, destination: str) -> Sequence[tuple[str, int, datetime]]:
        """The present copies of a destination, in any order.

        Returns:
            For each the archive, its size, and when it was read back last, or stored where it
            never was.
        """
        rows = self._store.rows(
            "SELECT archive_id, size, coalesce(checked_at, stored_at) AS since FROM copies "  # noqa: S608 - ours
            f"WHERE destination = ? AND {_PRESENT}",
            destination,
        )
        return [(archive_id, size, moment(since)) for archive_id, size, since in rows]

    def document(self, destination: str, archive_id: str) -> bytes | None:
        """A copy's manifest as it was sealed, as long as the copy is not removed."""
        rows = self._store.rows(
            "SELECT document, manifest FROM manifests JOIN copies USING (destination, archive_id) "
            "WHERE destination = ? AND archive_id = ?",
            *(destination, archive_id),
        )
        document = rows[0][0].encode() if rows else b""
        # What a damaged disk gives back is none.
        return document if rows and digest(document) == rows[0][1] else None

    def stored(self, copy: Copy) -> StoredArchive | None:
        """A copy as its destination would list it; None where its manifest is not known."""
        document = self.document(copy.destination, copy.archive_id)
        if document is None:
            return None
        try:
            manifest = Manifest.from_json(document, where=f"the manifest of {copy.archive_id}")
        except InvalidAnswerError:
            return None
        return StoredArchive(copy.key, manifest.size, manifest, copy.version_id)

    def has_rounds(self, destination: str) -> bool:
        """Whether a share of a destination was ever read back."""
        return bool(
            self._store.rows("SELECT 1 FROM rounds WHERE destination = ? LIMIT 1", destination)
        )

    def begin_round(self, destination: str, now: datetime, since: datetime) -> Sequence[datetime]:
        """Note that a sync begins to read back its share of a destination.

        Args:
            destination: The destination.
            now: The time.
            since: From when on earlier rounds matter.

        Returns:
            The rounds since then, and the last one before, oldest first; this one is the last.
        """
        with self._store.transaction():
            self._store.execute(
                "DELETE FROM rounds WHERE destination = ? AND began_at < (SELECT max(began_at) "
                "FROM rounds WHERE destination = ? AND began_at < ?)",
                *(destination, destination, stamp(since)),
            )
            self._store.execute(
                "INSERT OR IGNORE INTO rounds VALUES (?, ?)", destination, stamp(now)
            )
        rows = self._store.rows(
            "SELECT began_at FROM rounds WHERE destination = ? AND began_at <= ? ORDER BY began_at",
            *(destination, stamp(now)),
        )
        return [moment(row[0]) for row in rows]

    def _write_seal(
        self, destination: str, export: Export, key: str, now: datetime, manifest: Manifest
    ) -> bytes:
        document = manifest.to_json()
        submitted_at = export.job.submitted_at or now
        self._store.execute(
            "INSERT OR REPLACE INTO copies (destination, archive_id, source, series, key, size, "
            "sha256, submitted_at, export, manifest, previous, sealed_at, download_check) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(destination, manifest.archive_id, export.source),
            *(redact_stored(export.request.series), key),
            *(manifest.size, manifest.sha256, stamp(submitted_at), export.id),
            *(digest(document), manifest.previous, stamp(now), manifest.download_check),
        )
        self._keep(destination, manifest.archive_id, document)
        return document

    def _keep(self, destination: str, archive_id: str, document: bytes) -> None:
        self._store.execute(
            "INSERT OR REPLACE INTO manifests VALUES (?, ?, ?)",
            *(destination, archive_id, document.decode()),
        )

    def _last_digest(self, destination: str) -> str | None:
        rows = self._store.rows(
            "SELECT manifest FROM copies WHERE destination = ? AND place IS NOT NULL "
            "ORDER BY place DESC LIMIT 1",
            destination,
        )
        return rows[0][0] if rows else None

    def _next_place(self, destination: str) -> int:
        rows = self._store.rows(
            "SELECT 1 + coalesce(max(place), 0) FROM copies WHERE destination = ?", destination
        )
        place: int = rows[0][0]
        return place


def digest(document: bytes) -> str:
    """What the chain knows a manifest by."""
    return hashlib.sha256(document).hexdigest()


def _copy(row: tuple[Any, ...]) -> Copy:
    known = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Copy(**{**known, **{name: moment(known[name]) for name in _MOMENTS}})
