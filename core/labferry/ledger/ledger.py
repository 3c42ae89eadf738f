"""The ledger: runs, export jobs and deliveries, durable before the world sees their effects."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json
from typing_extensions import override

from labferry.ledger.copies import Copies
from labferry.ledger.database import is_damage, open_database, set_aside
from labferry.ledger.freshness import standings
from labferry.ledger.history import History
from labferry.ledger.markers import Markers
from labferry.ledger.outcomes import Outcomes
from labferry.ledger.records import Delivery, DeliveryState, Export, Run
from labferry.ledger.releases import Releases
from labferry.ledger.series_names import SeriesNames
from labferry.ledger.store import Store
from labferry.ledger.timestamps import moment, stamp
from labferry.ledger.vanished import Vanished
from labferry.lifecycle import ExportJob
from labferry.sdk import (
    Checkpoint,
    ExportRequest,
    Freshness,
    JsonValue,
    Receipt,
    Source,
    StateError,
    redact,
)
from labferry.sdk.secrets import redact_stored


class Ledger:
    """The database in the state folder. Its methods may be called from any thread.

    Every change is on disk when its method returns, but within `together`.

    Args:
        path: The file; made if it is not there.
        mend: Whether to look for damage, and to begin a new one where there is some: for whoever
            holds the state folder's lock. Others only read and add.

    Attributes:
        copies: What each destination holds.
        markers: Which medium each destination was seen on.
        outcomes: How each run ended, and why.
        past: What was.
        releases: What is still to be removed at the servers.
        vanished: What is exported no more.
        names: Whose work each series holds.
        set_aside: Where a damaged ledger was moved, if there was one; a new one was begun then.
            Losing a ledger costs at most one repeated export for each source.

    Raises:
        StateError: A newer labferry wrote it, it can't be used, or it is damaged and not mended.
    """

    def __init__(self, path: Path, *, mend: bool = True) -> None:
        self._path = path
        self.set_aside: Path | None = None
        if not self._open(thorough=mend):
            if not mend:
                raise StateError(
                    f"The ledger {path} is damaged.",
                    hint="The next sync sets it aside and begins a new one.",
                )
            self.set_aside = set_aside(path)
            self._open(thorough=True)

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def together(self) -> AbstractContextManager[None]:
        """What is written within is on disk at its end, all of it or nothing.

        To force each of many changes down by itself takes long. Nobody else can write meanwhile.
        """
        return self._store.transaction()

    def begin_run(self, now: datetime) -> int:
        """Note that a run begins, and return its number."""
        return self._store.execute("INSERT INTO runs (started_at) VALUES (?)", now.isoformat())

    def end_run(self, run: int, now: datetime, exit_code: int) -> None:
        """Note how a run ended."""
        self._store.execute(
            "UPDATE runs SET ended_at = ?, exit_code = ? WHERE id = ?",
            now.isoformat(),
            exit_code,
            run,
        )

    def run(self, run: int) -> Run:
        """One run."""
        row = self._store.rows("SELECT * FROM runs WHERE id = ?", run)[0]
        ended_at = datetime.fromisoformat(row[2]) if row[2] else None
        return Run(row[0], datetime.fromisoformat(row[1]), ended_at, row[3])

    def run_times(self) -> Sequence[datetime]:
        """When each run began, in the order of the runs, since the clock was confirmed last."""
        confirmed = self._store.rows("SELECT reached_at FROM milestones WHERE name = 'clock'")
        since = moment(confirmed[0][0]) if confirmed else None
        rows = self._store.rows("SELECT started_at FROM runs ORDER BY id")
        times = [datetime.fromisoformat(row[0]) for row in rows]
        return [each for each in times if since is None or each >= since]

    def confirm_clock(self, now: datetime) -> None:
        """Note that somebody says the clock is right."""
        self._store.execute("INSERT OR REPLACE INTO milestones VALUES ('clock', ?)", stamp(now))

    def plan(self, run: int, source: Source[Any], lane: str, request: ExportRequest) -> Export:
        """Note an export that a run is going to ask for."""
        origin = (source.name, source.type, source.url)
        export = Export(0, run, *origin, lane, request, ExportJob())
        content = _content(export)
        number = self._store.execute(
            "INSERT INTO exports (run, source, source_type, source_url, lane, request, phase, job, "
            "seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            run,
            *content,
            _seal(*content),
        )
        return replace(export, id=number)

    def save(self, export: Export) -> None:
        """Note how far an export is, and who works on it."""
        content = _content(export)
        self._store.execute(
            "UPDATE exports SET run = ?, source = ?, source_type = ?, source_url = ?, lane = ?, "
            "request = ?, phase = ?, job = ?, seal = ? WHERE id = ?",
            export.run,
            *content,
            _seal(*content),
            export.id,
        )

    def forget(self, export: Export) -> None:
        """Drop an export of which the server never heard."""
        self._store.execute("DELETE FROM exports WHERE id = ?", export.id)

    def forget_deliveries(self, export: Export) -> None:
        """Drop what is known of an export's deliveries: it begins anew, with another archive."""
        self._store.execute("DELETE FROM deliveries WHERE export = ?", export.id)

    def unfinished(self) -> Sequence[Export]:
        """The exports with something left to do, oldest first."""
        rows = self._store.rows(
            "SELECT id, run, seal, source, source_type, source_url, lane, request, phase, job "
            "FROM exports INDEXED BY exports_open "
            "WHERE phase NOT IN ('done', 'unchanged', 'failed') ORDER BY id"
        )
        return [_export(row) for row in rows]

    def last_stored(self, source: str, series: str) -> Export | None:
        """The newest export of a series that was stored, if there is one."""
        rows = self._store.rows(
            "SELECT id, run, seal, source, source_type, source_url, lane, request, phase, job "
            "FROM exports WHERE source = ? AND json_extract(request, '$.series') = ? "
            "AND phase = 'done' ORDER BY id DESC LIMIT 1",
            source,
            redact_stored(series),
        )
        return _export(rows[0]) if rows else None

    def export(self, number: int) -> Export:
        """One export, by its number."""
        row = self._store.rows(
            "SELECT id, run, seal, source, source_type, source_url, lane, request, phase, job "
            "FROM exports WHERE id = ?",
            number,
        )[0]
        return _export(row)

    def newest(self, source: str) -> Sequence[Export]:
        """The newest export of each series of a source, however it ended."""
        rows = self._store.rows(
            "SELECT id, run, seal, source, source_type, source_url, lane, request, phase, job "
            "FROM exports WHERE id IN (SELECT max(id) FROM exports INDEXED BY exports_series "
            "WHERE source = ? GROUP BY json_extract(request, '$.series')) ORDER BY id",
            source,
        )
        return [_export(row) for row in rows]

    def expect(self, export: int, destinations: Iterable[str]) -> None:
        """Note which destinations are to get an export's archive."""
        with self._store.transaction():
            for destination in destinations:
                self._store.execute(
                    "INSERT OR IGNORE INTO deliveries (export, destination, state, reason, "
                    "exit_code) VALUES (?, ?, 'pending', '', 0)",
                    export,
                    destination,
                )

    def deliveries(self, export: int) -> Sequence[Delivery]:
        """An export's deliveries."""
        rows = self._store.rows(
            "SELECT export, destination, state, reason, exit_code, receipt FROM deliveries "
            "WHERE export = ? ORDER BY destination",
            export,
        )
        return [_delivery(row) for row in rows]

    def save_delivery(self, delivery: Delivery, now: datetime | None = None) -> None:
        """Note how a delivery went; with a receipt, its copy is committed from now on.

        Args:
            delivery: What is known of it.
            now: The time; that of the system by default.
        """
        receipt = None if delivery.receipt is None else _dump(_receipts(), delivery.receipt)
        with self._store.transaction():
            self._store.execute(
                "UPDATE deliveries SET state = ?, reason = ?, exit_code = ?, receipt = ? "
                "WHERE export = ? AND destination = ?",
                delivery.state.value,
                redact(delivery.reason),
                delivery.exit_code,
                receipt,
                delivery.export,
                delivery.destination,
            )
            if delivery.receipt is not None:
                receipt_of = replace(delivery.receipt, destination=delivery.destination)
                self.copies.commit(receipt_of, now or datetime.now(UTC))

    def standings(
        self,
        routes: Mapping[str, Sequence[str]],
        verify_every: Mapping[str, timedelta] | None = None,
    ) -> Sequence[Freshness]:
        """How each source stands at each of its destinations. All count as required.

        Args:
            routes: For each source its destinations.
            verify_every: How often each copy must be read back, for each destination with a
                schedule.
        """
        return standings(self._store, routes, verify_every or {})

    def checkpoint(self, export: int, destination: str) -> Checkpoint:
        """The note that a sink keeps for one delivery."""
        return _StoredCheckpoint(self, export, destination)

    def load_checkpoint(self, export: int, destination: str) -> dict[str, JsonValue]:
        """What a sink noted for a delivery."""
        rows = self._store.rows(
            "SELECT checkpoint FROM deliveries WHERE export = ? AND destination = ?",
            export,
            destination,
        )
        note: dict[str, JsonValue] = json.loads(rows[0][0]) if rows else {}
        return note

    def save_checkpoint(self, export: int, destination: str, note: Mapping[str, JsonValue]) -> None:
        """Replace what a sink noted for a delivery."""
        self._store.execute(
            "UPDATE deliveries SET checkpoint = ? WHERE export = ? AND destination = ?",
            _text(dict(note)),
            export,
            destination,
        )

    def _open(self, *, thorough: bool) -> bool:
        """Open the file; False where it, or what is written in it, makes no sense."""
        connection = open_database(self._path, thorough=thorough)
        if connection is None:
            return False
        self._store = Store(connection, self._path)
        self.copies = Copies(self._store)
        self.markers = Markers(self._store)
        self.past = History(self._store)
        self.outcomes = Outcomes(self._store)
        self.releases = Releases(self._store)
        self.vanished = Vanished(self._store)
        self.names = SeriesNames(self._store)
        try:
            for export in self.unfinished():
                self.run(export.run)
                for delivery in self.deliveries(export.id):
                    self.load_checkpoint(export.id, delivery.destination)
        except (StateError, ValueError, LookupError, TypeError) as error:
            self.close()
            if isinstance(error, StateError) and not is_damage(error.__cause__, self._path):
                raise
            return False
        return True


class _StoredCheckpoint(Checkpoint):
    def __init__(self, ledger: Ledger, export: int, destination: str) -> None:
        self._ledger = ledger
        self._export = export
        self._destination = destination

    @override
    def load(self) -> dict[str, JsonValue]:
        return self._ledger.load_checkpoint(self._export, self._destination)

    @override
    def save(self, state: Mapping[str, JsonValue]) -> None:
        self._ledger.save_checkpoint(self._export, self._destination, state)


def _content(export: Export) -> tuple[str, ...]:
    """What is sealed of an export, as it is written."""
    job = _storable(export.job)
    request, phase = _dump(_requests(), export.request), job.phase.value
    origin = (export.source, export.source_type, export.source_url)
    return (*origin, export.lane, request, phase, _dump(_jobs(), job))


def _storable(job: ExportJob) -> ExportJob:
    """The job without a presigned link, and its words for people without secrets.

    Such a link lets anyone in; and every run asks for a new one before it downloads.
    """
    job = replace(
        job,
        reason=redact(job.reason),
        warning=redact(job.warning),
        waiting_for=redact(job.waiting_for),
    )
    return replace(job, offer=replace(job.offer, link=None)) if job.offer is not None else job


def _seal(*content: str) -> int:
    """Tells when a disk gave back something else; SQLite itself does not look at the rows."""
    return zlib.crc32("\0".join(content).encode())


def _dump(adapter: TypeAdapter[Any], value: object) -> str:
    return _text(adapter.dump_python(value))


def _text(value: object) -> str:
    """The value as JSON, its texts free of keys and tokens."""
    return to_json(redact_stored(value)).decode()


def _export(row: tuple[Any, ...]) -> Export:
    identity, run, seal, *content = row
    if seal != _seal(*content):
        raise ValueError(f"Export {identity} is not what was written.")
    source, source_type, source_url, lane, request, _, job = content
    return Export(
        id=identity,
        run=run,
        source=source,
        source_type=source_type,
        source_url=source_url,
        lane=lane,
        request=_requests().validate_json(request),
        job=_jobs().validate_json(job),
    )


def _delivery(row: tuple[Any, ...]) -> Delivery:
    export, destination, state, reason, exit_code, receipt = row
    return Delivery(
        export,
        destination,
        DeliveryState(state),
        reason,
        exit_code,
        _receipts().validate_json(receipt) if receipt else None,
    )


# Made when they are needed: who only looks at the ledger does without, and it takes a while.


@cache
def _jobs() -> TypeAdapter[ExportJob]:
    return TypeAdapter(ExportJob)


@cache
def _requests() -> TypeAdapter[ExportRequest]:
    return TypeAdapter(ExportRequest)


@cache
def _receipts() -> TypeAdapter[Receipt]:
    return TypeAdapter(Receipt)
