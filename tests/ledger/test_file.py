"""The ledger's file: durable, private, migrated, mistrusted, set aside where it is damaged."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from labferry.ledger import Export, Ledger, database, migrations
from labferry.sdk import FullError, StateError

Plan = Callable[..., Export]

WRITER = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from labferry.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]))
ledger.end_run(ledger.begin_run(datetime.now(UTC)), datetime.now(UTC), 42)
os.kill(os.getpid(), signal.SIGKILL)
"""
DAMAGES: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_bytes(b"no database at all, but a text " * 300),
    "beginning": lambda path: overwrite(path, 0, b"X" * 16),
    "schema": lambda path: overwrite(path, 100, b"\xff" * 500),
    "cut-short": lambda path: os.truncate(path, path.stat().st_size // 2),
    "another-program's": lambda path: execute(path, "PRAGMA application_id = 7"),
    "senseless-job": lambda path: execute(path, "UPDATE exports SET job = '{broken'"),
    "senseless-phase": lambda path: execute(path, 'UPDATE exports SET job = \'{"phase": "x"}\''),
    "senseless-request": lambda path: execute(path, "UPDATE exports SET request = '[]'"),
    "table-gone": lambda path: execute(path, "DROP TABLE deliveries"),
}


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def ask(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def test_schema_is_what_migrations_made(path: Path, ledger: Ledger) -> None:
    tables = ask(path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    assert {name for (name,) in tables} >= {"runs", "exports", "deliveries"}
    assert ask(path, "PRAGMA user_version") == [(len(migrations.MIGRATIONS),)]


def test_every_write_is_forced_to_the_disk(path: Path, ledger: Ledger) -> None:
    assert ledger._store.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert ledger._store.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert not ledger._store.connection.in_transaction


def test_another_connection_sees_a_change_at_once(path: Path, plan: Plan) -> None:
    export = plan()
    assert ask(path, "SELECT id, phase FROM exports") == [(export.id, "planned")]


def test_what_a_killed_process_wrote_is_there(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", WRITER, path], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    ledger = Ledger(path)
    assert (ledger.run(1).exit_code, ledger.set_aside) == (42, None)
    ledger.close()


def test_files_are_for_their_owner_alone(path: Path, ledger: Ledger, run: int) -> None:
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes) == {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_files_that_others_can_read_are_made_the_owners_alone(
    path: Path, ledger: Ledger, run: int, suffix: str
) -> None:
    open_to_all = path.with_name(f"{path.name}{suffix}")
    open_to_all.chmod(0o644)
    again = Ledger(path)
    assert open_to_all.stat().st_mode & 0o777 == 0o600
    again.close()


def test_older_ledger_is_migrated_and_keeps_what_it_holds(
    path: Path, ledger: Ledger, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = plan()
    ledger.close()
    step = "ALTER TABLE runs ADD COLUMN host TEXT; UPDATE runs SET host = 'eln';"
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
    for _ in range(2):
        migrated = Ledger(path)
        assert (list(migrated.unfinished()), migrated.set_aside) == ([export], None)
        migrated.close()
    assert ask(path, "SELECT host FROM runs") == [("eln",)]
    assert ask(path, "PRAGMA user_version") == [(len(migrations.MIGRATIONS),)]


def test_newer_ledger_is_refused_and_left_alone(
    path: Path, ledger: Ledger, run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.close()
    known = migrations.MIGRATIONS
    monkeypatch.setattr(migrations, "MIGRATIONS", (*known, "CREATE TABLE later (x TEXT) STRICT"))
    Ledger(path).close()
    before = path.read_bytes()
    monkeypatch.setattr(migrations, "MIGRATIONS", known)
    with pytest.raises(StateError) as caught:
        Ledger(path)
    assert str(caught.value) == (
        f"A newer labferry wrote the ledger {path} (version {len(known) + 1}; this one knows "
        f"versions up to {len(known)}). Use that version, or another state_dir."
    )
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["ledger.db"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_ledger_is_set_aside_and_a_new_one_begun(
    damage: str, path: Path, ledger: Ledger, plan: Plan, now: datetime
) -> None:
    plan()
    ledger.close()
    DAMAGES[damage](path)
    broken = path.read_bytes()
    fresh = Ledger(path)
    assert fresh.set_aside is not None
    assert fresh.set_aside.name.startswith("ledger.db.damaged-")
    assert fresh.set_aside.read_bytes() == broken
    assert list(fresh.unfinished()) == []
    assert fresh.begin_run(now) == 1
    fresh.close()


def test_ledger_damaged_twice_is_set_aside_twice(path: Path) -> None:
    for _ in range(2):
        path.write_bytes(b"no database" * 100)
        Ledger(path).close()
    assert len(list(path.parent.glob("ledger.db.damaged-*"))) == 2


def test_what_lies_beside_a_damaged_ledger_goes_with_it(path: Path) -> None:
    """Its newest changes are there, for whoever tries to save something of it."""
    for suffix in ("", "-wal", "-shm", ".suspect"):
        path.with_name(f"{path.name}{suffix}").write_bytes(suffix.encode())
    aside = database.set_aside(path)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == {
        aside.name: b"",
        f"{aside.name}-wal": b"-wal",
        f"{aside.name}-shm": b"-shm",
    }


def test_empty_file_is_a_new_ledger(path: Path) -> None:
    path.touch()
    ledger = Ledger(path)
    assert ledger.set_aside is None
    ledger.close()


@pytest.mark.parametrize("place", ["missing/ledger.db", "file/ledger.db", "folder"])
def test_place_that_cannot_be_used_is_named(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StateError, match=f"^The ledger {tmp_path / place} can't be used: "):
        Ledger(tmp_path / place)


def test_folder_that_cannot_be_written_is_named() -> None:
    with pytest.raises(StateError, match=r"state folder must be on a local disk"):
        Ledger(Path("/proc/ledger.db"))


def test_disk_that_fills_up_is_told(ledger: Ledger, now: datetime) -> None:
    pages = ledger._store.connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._store.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(FullError, match=r"can't grow: the disk is full\. Free some space"):
        deque(ledger.begin_run(now) for _ in range(100_000))
    (count,) = ledger._store.connection.execute("SELECT count(*) FROM runs").fetchone()
    assert count > 0


def test_ledger_held_by_another_process_is_named(path: Path, ledger: Ledger, now: datetime) -> None:
    ledger._store.connection.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match="database is locked"):
            ledger.begin_run(now)
    assert ledger.begin_run(now) == 1


def break_index(path: Path) -> None:
    """Make an index say something that its table does not, as a flipped bit can."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        changed = "replace(sql, '(source, run)', '(source, id)')"
        connection.execute(f"UPDATE sqlite_master SET sql = {changed} WHERE name = 'exports_runs'")  # noqa: S608 - ours
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO runs (id, started_at) VALUES (99, '2026-01-02')")
        connection.execute("UPDATE exports SET run = 99")
        connection.execute("PRAGMA writable_schema = ON")
        changed = "replace(sql, '(source, id)', '(source, run)')"
        connection.execute(f"UPDATE sqlite_master SET sql = {changed} WHERE name = 'exports_runs'")  # noqa: S608 - ours


@pytest.mark.parametrize("size", ["small", "large, and suspect"])
def test_index_that_lies_is_found(
    path: Path, ledger: Ledger, plan: Plan, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    plan()
    ledger.close()
    break_index(path)
    suspicion = path.with_name("ledger.db.suspect")
    if size != "small":
        monkeypatch.setattr(database, "_SMALL", 0)
        suspicion.touch()
    fresh = Ledger(path)
    assert fresh.set_aside is not None
    assert not suspicion.exists()
    fresh.close()


def test_damage_met_later_is_remembered_for_the_next_start(path: Path, ledger: Ledger) -> None:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    with pytest.raises(StateError, match="malformed"), database.database_errors(path):
        raise error
    assert path.with_name("ledger.db.suspect").exists()
    ledger.close()
    again = Ledger(path)
    assert again.set_aside is None
    assert not path.with_name("ledger.db.suspect").exists()
    again.close()


def test_unfinished_export_that_an_index_hides_is_damage(
    path: Path, ledger: Ledger, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_SMALL", 0)
    plan()
    ledger.close()
    hidden = "replace(sql, '''failed'')', '''failed'', ''planned'')')"
    shown = "replace(sql, '''failed'', ''planned'')', '''failed'')')"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(f"UPDATE sqlite_master SET sql = {hidden} WHERE name = 'exports_open'")  # noqa: S608 - ours
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("REINDEX exports_open")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(f"UPDATE sqlite_master SET sql = {shown} WHERE name = 'exports_open'")  # noqa: S608 - ours
    fresh = Ledger(path)
    assert fresh.set_aside is not None
    fresh.close()
