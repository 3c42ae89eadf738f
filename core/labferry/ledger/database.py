"""The ledger's SQLite file: opening, migrating and mistrusting it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from labferry.sdk import FullError, StateError

__all__ = ["database_errors", "open_database"]

_MIGRATIONS = (
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        started_at TEXT NOT NULL,
        ended_at TEXT,
        exit_code INTEGER
    ) STRICT;
    CREATE TABLE exports (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL REFERENCES runs (id),
        source TEXT NOT NULL,
        source_type TEXT NOT NULL,
        source_url TEXT NOT NULL,
        lane TEXT NOT NULL,
        request TEXT NOT NULL,
        phase TEXT NOT NULL,
        job TEXT NOT NULL
    ) STRICT;
    CREATE INDEX exports_open ON exports (phase) WHERE phase NOT IN ('done', 'failed');
    CREATE TABLE deliveries (
        export INTEGER NOT NULL REFERENCES exports (id),
        destination TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        exit_code INTEGER NOT NULL,
        receipt TEXT,
        checkpoint TEXT NOT NULL DEFAULT '{}',
        PRIMARY KEY (export, destination)
    ) STRICT, WITHOUT ROWID;
    """,
)


def open_database(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """Open the ledger, making or migrating it.

    Returns:
        The connection, and where a damaged ledger was set aside to, if there was one. Losing a
        ledger costs at most one repeated export for each source, so a run goes on without it.

    Raises:
        StateError: A newer labferry wrote it, or the file can't be used.
    """
    with database_errors(path):
        try:
            return _connect(path), None
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            aside = _set_aside(path)
            return _connect(path), aside


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise FullError(
                f"The ledger {path} can't grow: the disk is full.",
                hint="Free some space; the next run goes on.",
            ) from error
        raise StateError(
            f"The ledger {path} can't be used: {error}.",
            hint="The state folder must be on a local disk that this user can write.",
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    path.chmod(0o600)
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(_MIGRATIONS):
        raise StateError(
            f"A newer labferry wrote the ledger {path} (version {version}; "
            f"this one knows versions up to {len(_MIGRATIONS)}).",
            hint="Use that version, or another state_dir.",
        )
    for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;"
        )
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("the file is damaged")


def _set_aside(path: Path) -> Path:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.damaged-{moment}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside
