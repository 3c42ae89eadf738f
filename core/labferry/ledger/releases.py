"""The server's jobs that are needed no more, and are still to be removed there."""

from collections.abc import Sequence
from dataclasses import dataclass

from labferry.ledger.records import Export
from labferry.ledger.store import Store
from labferry.sdk import redact
from labferry.sdk.secrets import redact_stored


@dataclass(frozen=True, slots=True)
class Release:
    """A job that this installation began at a server, and needs no more.

    Attributes:
        id: Its number in the ledger.
        lane: The lane that it ran in.
        job: The server's name for it.
        link: Where to ask for it.
    """

    id: int
    lane: str
    job: str
    link: str


class Releases:
    """What is still to be removed at the servers. May be used from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, export: Export) -> None:
        """Note that the server's job of an export is to be removed."""
        job, link = redact_stored(export.job.server_job), redact_stored(export.job.link)
        self._store.execute(
            "INSERT INTO releases (source_type, source_url, lane, job, link) "
            "VALUES (?, ?, ?, ?, ?)",
            *(export.source_type, export.source_url, export.lane, job, link),
        )

    def due(self, source_type: str, source_url: str) -> Sequence[Release]:
        """What is to be removed at a server, oldest first."""
        rows = self._store.rows(
            "SELECT id, lane, job, link FROM releases WHERE source_type = ? AND source_url = ? "
            "ORDER BY id",
            *(source_type, source_url),
        )
        return [Release(*row) for row in rows]

    def done(self, release: Release) -> None:
        """Note that the server does not have a job any more."""
        self._store.execute("DELETE FROM releases WHERE id = ?", release.id)

    def failed(self, release: Release, problem: str) -> None:
        """Note why a job could not be removed; a later run tries again."""
        self._store.execute(
            "UPDATE releases SET problem = ? WHERE id = ?", redact(problem), release.id
        )
