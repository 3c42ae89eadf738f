"""The open database, one statement or transaction at a time, from any thread."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

from labferry.ledger.database import database_errors


class Store:
    """An open ledger file.

    Args:
        connection: The database; every statement is a transaction of its own but in `transaction`.
        path: Its file, to be named in errors.

    Its methods raise StateError, or FullError where the disk is full.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        self._lock = RLock()

    def close(self) -> None:
        """Close the database."""
        # Every change is on disk already; what can fail here is tidying up, as the next run will.
        with self._lock, suppress(sqlite3.Error):
            self.connection.close()

    def rows(self, query: str, *values: str | int | None) -> list[tuple[Any, ...]]:
        """All that a query finds."""
        # SQLite reads, and may find damage, only as the rows are fetched.
        with self._lock, database_errors(self.path):
            return self.connection.execute(query, values).fetchall()

    def execute(self, statement: str, *values: str | int | None) -> int:
        """Change something; it is on disk when this returns, but within `transaction`.

        Returns:
            The number of the row that was inserted last.
        """
        with self._lock, database_errors(self.path):
            return self.connection.execute(statement, values).lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes or none. Within another transaction, it is a part of that one."""
        with self._lock:
            if self.connection.in_transaction:
                yield
                return
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self.connection.execute("ROLLBACK")
                raise
