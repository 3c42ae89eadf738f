"""The ledger's SQLite file: opening, migrating and mistrusting it."""

import errno
import os
import shlex
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from labferry.ledger import migrations
from labferry.sdk import FullError, StateError
from labferry.sdk.files import Folder
from labferry.sdk.ownership import foreign_owner, user_name

_FORMAT = 0x6C660000
"""What `application_id` holds, plus the version: so no damaged version looks like a newer one."""

_SMALL = 32 << 20
"""Up to this many bytes the full check takes no time that anybody would notice."""

_DAMAGES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
_PRIVATE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_BESIDE = ("-wal", "-shm")
_FULL = {errno.ENOSPC, errno.EDQUOT}


def open_database(path: Path, *, thorough: bool = True) -> sqlite3.Connection | None:
    """Open the ledger, making or migrating it; None where it is damaged.

    Args:
        path: The file.
        thorough: Whether to look through the whole file for damage; who only reads meets it when
            it is there to be met.

    Raises:
        StateError: A newer labferry wrote it, or the file can't be used.
    """
    with database_errors(path):
        _make_private(path)
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=30
        )
        try:
            _prepare(connection, path)
            if thorough:
                _check(connection, path)
        except BaseException as error:
            connection.close()
            if is_damage(error, path):
                return None
            raise
        return connection


def is_damage(error: BaseException | None, path: Path) -> bool:
    """Whether the content is at fault, not the disk, a permission or another process."""
    if isinstance(error, UnicodeDecodeError):
        # SQLite quotes what it can't make sense of, and that need not be text any more.
        return True
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_READONLY:
        # A damaged header can say so as well.
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return code in _DAMAGES


def set_aside(path: Path) -> Path:
    """Give a damaged ledger another name, and return that.

    The files beside it go along: its newest changes are there.
    """
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.damaged-{moment}")
    with database_errors(path):
        path.rename(aside)
        for suffix in _BESIDE:
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
        _suspicion(path).unlink(missing_ok=True)
    return aside


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors, and those of the file itself, into ours."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) in _FULL:
            raise FullError(
                f"The ledger {path} can't grow: the disk is full.",
                hint="Free some space. The next run then continues.",
            ) from error
        if is_damage(error, path):
            with suppress(OSError):
                _suspicion(path).touch(mode=0o600)
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, PermissionError):
            _require_own(path)
        raise StateError(
            f"The ledger {path} can't be used: {reason}.",
            hint="The state folder must be on a local disk that this user can write and that "
            "is not full.",
        ) from error


def _make_private(path: Path) -> None:
    """Make the file if it is not there. It and those beside it are files, and the owner's alone.

    A file that is there is not opened if that can be avoided: to close it again would end the
    locks that another connection of this process has.
    """
    with Folder.at(path.parent) as folder:
        if not folder.has(path.name):
            with suppress(FileExistsError):
                # SQLite makes the files beside it with the same permissions.
                folder.create(path.name, _PRIVATE).close()
        for name in (path.name, *(f"{path.name}{suffix}" for suffix in _BESIDE)):
            with suppress(FileNotFoundError):
                _require_private(folder, name)


def _require_private(folder: Folder, name: str) -> None:
    status = folder.stat(name)
    if not stat.S_ISREG(status.st_mode) or status.st_mode & _OTHERS:
        with folder.open(name, write=True) as file:
            os.fchmod(file.fileno(), _PRIVATE)
    elif not os.access(name, os.R_OK | os.W_OK, dir_fd=folder.fileno()):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    _migrate(connection, version)
    # Fails where the file can't be written, before anything is begun that should be noted in it.
    connection.executescript(
        f"BEGIN; PRAGMA user_version = {len(migrations.MIGRATIONS)}; ROLLBACK;"
    )
    # No check does more than to take the tables to be what the file says they are.
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as right:
        _migrate(right, 0)
        if _schema(connection) != _schema(right):
            raise sqlite3.DatabaseError("its tables are not those of a ledger")


def _require_own(path: Path) -> None:
    """Name the file that a run of another user left, so that it can be given back."""
    for each in (path, *(path.with_name(f"{path.name}{suffix}") for suffix in _BESIDE)):
        if owner := foreign_owner(each):
            raise StateError(
                f"The ledger {path} can't be used: {each} belongs to {owner}.",
                hint=f"Give it back: chown {user_name(os.geteuid())} {shlex.quote(str(each))}",
            )


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Make sure that the file is whole, in a time that its size hardly matters for.

    The full check takes long where the file is large. The quick one leaves out whether the
    indexes say what the tables do: the one that a run goes by is compared, and if any other ever
    fails to agree, the check at the next start is a full one.
    """
    suspicion = _suspicion(path)
    is_small = path.stat().st_size <= _SMALL
    check = "integrity_check" if is_small or suspicion.exists() else "quick_check"
    if connection.execute(f"PRAGMA {check}(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("the file fails its integrity check")
    query = "SELECT id FROM exports {} WHERE phase NOT IN ('done', 'unchanged', 'failed')"
    by_table = connection.execute(query.format("NOT INDEXED")).fetchall()
    by_index = connection.execute(query.format("INDEXED BY exports_open")).fetchall()
    if sorted(by_table) != sorted(by_index):
        raise sqlite3.DatabaseError("an index does not say what its table does")
    suspicion.unlink(missing_ok=True)


def _suspicion(path: Path) -> Path:
    """A file that says that damage was met in the ledger."""
    return path.with_name(f"{path.name}.suspect")


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(migrations.MIGRATIONS[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA application_id = {_FORMAT + number}; "
            f"PRAGMA user_version = {number}; COMMIT;"
        )


def _schema(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    identity: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if identity != (_FORMAT + version if tables else 0):
        raise sqlite3.DatabaseError("the file is no ledger of labferry")
    if version > len(migrations.MIGRATIONS):
        raise StateError(
            f"A newer labferry wrote the ledger {path} (version {version}; "
            f"this one knows versions up to {len(migrations.MIGRATIONS)}).",
            hint="Use that version, or another state_dir.",
        )
    return version
