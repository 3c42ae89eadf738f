"""What the ledger remembers of the past, gathered so that much of it is soon read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labferry.ledger.records import Run
from labferry.ledger.store import Store
from labferry.ledger.timestamps import moment, read_time, stamp

_PRESENT = "stored_at IS NOT NULL AND removing_at IS NULL AND away_since IS NULL"
_FAILURES = """
    SELECT o.source, o.destination, o.reason AS message,
        count(*) AS times, min(r.started_at) AS first, max(r.started_at) AS last
    FROM outcomes o JOIN runs r ON r.id = o.run
    WHERE o.outcome = 'failed' AND o.reason <> '' GROUP BY o.source, o.destination, o.reason
    UNION ALL
    SELECT e.source, '', json_extract(e.job, '$.reason') AS message,
        count(*), min(r.started_at), max(r.started_at)
    FROM exports e JOIN runs r ON r.id = e.run
    WHERE e.phase = 'failed' AND e.run NOT IN (SELECT run FROM outcomes) GROUP BY e.source, message
    UNION ALL
    SELECT e.source, d.destination, d.reason, count(*), min(r.started_at), max(r.started_at)
    FROM deliveries d JOIN exports e ON e.id = d.export JOIN runs r ON r.id = e.run
    WHERE d.state = 'failed' AND e.run NOT IN (SELECT run FROM outcomes)
    GROUP BY e.source, d.destination, d.reason
"""
"""What runs noted; of runs before they noted it, what is left in the exports' own rows."""


@dataclass(frozen=True, slots=True)
class Download:
    """An archive that came from a server.

    Attributes:
        run: The run that it came in.
        size: Its size in bytes.
        seconds: How long that took, from when the server offered it until it was verified.
    """

    run: int
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Size:
    """How large an archive is, or was, wherever it is: its size in bytes as it is stored."""

    source: str
    series: str
    taken: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Trust:
    """The last look at a copy that ought to be there. Times are UTC."""

    destination: str
    source: str
    archive_id: str
    stored_at: datetime
    verified_at: datetime | None
    problem: str
    series: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, as often as it did; `first` and `last` are when the runs began, UTC."""

    source: str
    destination: str
    message: str
    count: int
    first: datetime
    last: datetime


class History:
    """Questions about all that was. May be used from any thread.

    Raises ValueError where a damaged disk made nonsense of a time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def runs(self) -> Sequence[Run]:
        """Every run, in the order in which they began."""
        rows = self._store.rows("SELECT id, started_at, ended_at, exit_code FROM runs ORDER BY id")
        return [
            Run(number, read_time(began), read_time(ended) if ended else None, code)
            for number, began, ended, code in rows
        ]

    def downloads(self) -> Sequence[Download]:
        """Every archive that was downloaded."""
        rows = self._store.rows(
            "SELECT run, coalesce(json_extract(job, '$.offer.size'), json_extract(job, '$.size')), "
            "json_extract(job, '$.completed_at'), json_extract(job, '$.verified_at') "
            "FROM exports WHERE phase IN ('verified', 'done')"
        )
        return [
            Download(run, int(size), (read_time(verified) - read_time(completed)).total_seconds())
            for run, size, completed, verified in rows
            if size is not None and completed is not None and verified is not None
        ]

    def sizes(self) -> Sequence[Size]:
        """Every archive that any destination ever had, oldest first."""
        rows = self._store.rows(
            "SELECT source, series, min(submitted_at) AS taken, max(size) FROM copies "
            "WHERE stored_at IS NOT NULL GROUP BY source, series, archive_id ORDER BY taken"
        )
        return [Size(source, series, moment(at), size) for source, series, at, size in rows]

    def trust(self, destination: str, bounds: Sequence[datetime]) -> Mapping[int | None, int]:
        """How many copies of a destination were last read back when.

        Args:
            destination: The destination.
            bounds: Moments, the latest first.

        Returns:
            How many were read back since the moment at a place but not since the one before; under
            `len(bounds)` those read back earlier, under None those that never were, and under -1
            those that are damaged or gone.
        """
        cases = " ".join(f"WHEN verified_at >= ? THEN {place}" for place in range(len(bounds)))
        rows = self._store.rows(
            "SELECT CASE WHEN problem <> '' THEN -1 WHEN verified_at IS NULL THEN NULL "  # noqa: S608 - ours
            f"{cases} ELSE {len(bounds)} END AS seen, count(*) FROM copies "
            f"WHERE {_PRESENT} AND destination = ? GROUP BY seen",
            *[stamp(bound) for bound in bounds],
            destination,
        )
        return dict(rows)

    def held(self, destination: str) -> tuple[int, int]:
        """How many copies a destination has, and their bytes."""
        rows: list[tuple[int, int]] = self._store.rows(
            f"SELECT count(*), coalesce(sum(size), 0) FROM copies WHERE {_PRESENT} "  # noqa: S608 - ours
            "AND destination = ?",
            destination,
        )
        return rows[0]

    def least_trusted(self, destination: str, limit: int) -> Sequence[Trust]:
        """The copies of a destination that are bad, or were not read back for longest."""
        rows = self._store.rows(
            "SELECT destination, source, archive_id, stored_at, verified_at, problem, series "  # noqa: S608 - ours
            f"FROM copies WHERE {_PRESENT} AND destination = ? "
            "ORDER BY problem = '', coalesce(verified_at, 0), stored_at LIMIT ?",
            destination,
            limit,
        )
        return [_trust(row) for row in rows]

    def failures(self, limit: int) -> tuple[Sequence[Failure], int]:
        """What went wrong with exports and deliveries, each message once.

        Args:
            limit: How many to return, the newest first.

        Returns:
            They, and how many there are in all.
        """
        rows = self._store.rows(f"{_FAILURES} ORDER BY last DESC LIMIT ?", limit)
        count = self._store.rows(f"SELECT count(*) FROM ({_FAILURES})")[0][0]  # noqa: S608 - ours
        return [_failure(row) for row in rows], count


def _trust(row: tuple[Any, ...]) -> Trust:
    destination, source, archive_id, stored_at, verified_at, problem, series = row
    times = moment(stored_at), moment(verified_at)
    return Trust(destination, source, archive_id, *times, problem, series)


def _failure(row: tuple[Any, ...]) -> Failure:
    source, destination, message, count, first, last = row
    return Failure(source, destination, message or "", count, read_time(first), read_time(last))
