"""The ledger: runs, export jobs and deliveries, durable before the world sees their effects."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

from pydantic import TypeAdapter
from typing_extensions import override

from labferry.ledger.database import database_errors, open_database
from labferry.ledger.records import Delivery, DeliveryState, Export, Run
from labferry.lifecycle import ExportJob
from labferry.sdk import Checkpoint, ExportRequest, JsonValue, Receipt, Source, redact

__all__ = ["Ledger"]

_JOB = TypeAdapter(ExportJob)
_REQUEST = TypeAdapter(ExportRequest)
_RECEIPT = TypeAdapter(Receipt)


class Ledger:
    """The database in the state folder. Its methods may be called from any thread.

    Every change is on disk when its method returns.

    Args:
        path: The file; made if it is not there.

    Raises:
        StateError: It can't be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._connection, self.set_aside = open_database(path)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def begin_run(self, now: datetime) -> int:
        """Note that a run begins, and return its number."""
        cursor = self._execute("INSERT INTO runs (started_at) VALUES (?)", now.isoformat())
        return _row_id(cursor)

    def end_run(self, run: int, now: datetime, exit_code: int) -> None:
        """Note how a run ended."""
        self._execute(
            "UPDATE runs SET ended_at = ?, exit_code = ? WHERE id = ?",
            *(now.isoformat(), exit_code, run),
        )

    def run(self, run: int) -> Run:
        """One run."""
        row = self._execute("SELECT * FROM runs WHERE id = ?", run).fetchone()
        ended_at = datetime.fromisoformat(row[2]) if row[2] else None
        return Run(row[0], datetime.fromisoformat(row[1]), ended_at, row[3])

    def plan(self, run: int, source: Source[Any], lane: str, request: ExportRequest) -> Export:
        """Note an export that a run is going to ask for."""
        job = ExportJob()
        origin = (source.name, source.type, source.url)
        cursor = self._execute(
            "INSERT INTO exports (run, source, source_type, source_url, lane, request, phase, job) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(run, *origin, lane, _dump(_REQUEST, request), job.phase.value, _dump(_JOB, job)),
        )
        return Export(_row_id(cursor), run, *origin, lane, request, job)

    def save(self, export: Export) -> None:
        """Note how far an export is, and who works on it."""
        self._execute(
            "UPDATE exports SET run = ?, lane = ?, phase = ?, job = ? WHERE id = ?",
            *(export.run, export.lane, export.job.phase.value, _dump(_JOB, export.job), export.id),
        )

    def forget(self, export: Export) -> None:
        """Drop an export of which the server never heard."""
        self._execute("DELETE FROM exports WHERE id = ?", export.id)

    def unfinished(self) -> Sequence[Export]:
        """The exports with something left to do, oldest first."""
        rows = self._execute(
            "SELECT id, run, source, source_type, source_url, lane, request, job FROM exports "
            "WHERE phase NOT IN ('done', 'failed') ORDER BY id"
        )
        return [_export(row) for row in rows.fetchall()]

    def expect(self, export: int, destinations: Iterable[str]) -> None:
        """Note which destinations are to get an export's archive."""
        with self._lock:
            for destination in destinations:
                self._execute(
                    "INSERT OR IGNORE INTO deliveries (export, destination, state, reason, "
                    "exit_code) VALUES (?, ?, 'pending', '', 0)",
                    *(export, destination),
                )

    def deliveries(self, export: int) -> Sequence[Delivery]:
        """An export's deliveries."""
        rows = self._execute(
            "SELECT export, destination, state, reason, exit_code, receipt FROM deliveries "
            "WHERE export = ? ORDER BY destination",
            export,
        )
        return [_delivery(row) for row in rows.fetchall()]

    def save_delivery(self, delivery: Delivery) -> None:
        """Note how a delivery went."""
        receipt = None if delivery.receipt is None else _dump(_RECEIPT, delivery.receipt)
        self._execute(
            "UPDATE deliveries SET state = ?, reason = ?, exit_code = ?, receipt = ? "
            "WHERE export = ? AND destination = ?",
            *(delivery.state.value, redact(delivery.reason), delivery.exit_code, receipt),
            *(delivery.export, delivery.destination),
        )

    def checkpoint(self, export: int, destination: str) -> Checkpoint:
        """The note that a sink keeps for one delivery."""
        return _StoredCheckpoint(self, export, destination)

    def load_checkpoint(self, export: int, destination: str) -> dict[str, JsonValue]:
        """What a sink noted for a delivery."""
        row = self._execute(
            "SELECT checkpoint FROM deliveries WHERE export = ? AND destination = ?",
            *(export, destination),
        ).fetchone()
        note: dict[str, JsonValue] = json.loads(row[0]) if row else {}
        return note

    def save_checkpoint(self, export: int, destination: str, note: Mapping[str, JsonValue]) -> None:
        """Replace what a sink noted for a delivery."""
        self._execute(
            "UPDATE deliveries SET checkpoint = ? WHERE export = ? AND destination = ?",
            *(json.dumps(dict(note)), export, destination),
        )

    def _execute(self, statement: str, *values: str | int | None) -> sqlite3.Cursor:
        with self._lock, database_errors(self._path):
            return self._connection.execute(statement, values)


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


def _row_id(cursor: sqlite3.Cursor) -> int:
    return cursor.lastrowid or 0


def _dump(adapter: TypeAdapter[Any], value: object) -> str:
    return redact(adapter.dump_json(value).decode())


def _export(row: tuple[Any, ...]) -> Export:
    identity, run, source, source_type, source_url, lane, request, job = row
    return Export(
        id=identity,
        run=run,
        source=source,
        source_type=source_type,
        source_url=source_url,
        lane=lane,
        request=_REQUEST.validate_json(request),
        job=_JOB.validate_json(job),
    )


def _delivery(row: tuple[Any, ...]) -> Delivery:
    export, destination, state, reason, exit_code, receipt = row
    return Delivery(
        export,
        destination,
        DeliveryState(state),
        reason,
        exit_code,
        _RECEIPT.validate_json(receipt) if receipt else None,
    )
