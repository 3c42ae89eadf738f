"""One run per state folder."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from labferry.sdk import LockHeldError, StateError
from labferry.sdk.files import DiskUse, Folder, disk_errors, make_private_folder, take_lock
from labferry.sdk.ownership import foreign_owner, require_own_folder

_LOCK = "lock"
_HOLDER = "holder.json"
_NOTE_LIMIT = 10_000
_STATE = DiskUse(
    full="Free some space. The next run then continues.",
    access="Set state_dir to a folder that this user can write.",
    missing="Set state_dir to a folder that this user can write.",
    other="Set state_dir to a folder on a working disk of this machine.",
    error=StateError,
    subject="The state folder",
)
_FILE = DiskUse(_STATE.full, _STATE.access, _STATE.missing, _STATE.other, error=StateError)


@contextmanager
def run_lock(state_dir: Path) -> Iterator[None]:
    """Hold the state folder's lock. The system gives it back when the process dies, however.

    Raises:
        LockHeldError: Another process holds it; the message says which.
        StateError: The state folder can't be made or written, or somebody else could exchange
            what is in it.
    """
    with ExitStack() as stack:
        with disk_errors(state_dir, _STATE):
            make_private_folder(state_dir)
            folder = stack.enter_context(Folder.at(state_dir))
        require_own_folder(state_dir, folder.status(), "The state folder", "state_dir")
        with disk_errors(state_dir / _LOCK, _FILE):
            lock = stack.enter_context(_opened(folder))
            try:
                take_lock(lock, wait=False)
            except BlockingIOError:
                raise _is_held(folder) from None
        with disk_errors(state_dir / _HOLDER, _FILE):
            folder.sweep()
            _introduce(folder)
        stack.callback(_leave, folder)
        yield


def _opened(folder: Folder) -> FileIO:
    """The lock's file.

    One that a run of another user left is replaced, unless that run may still be at work.
    """
    try:
        return folder.open_or_create(_LOCK)
    except PermissionError:
        if not foreign_owner(folder.path / _LOCK):
            raise
        note = _note(folder)
        if note is not None:
            if note.get("host") != socket.gethostname():
                raise
            if _is_alive(note.get("pid")):
                raise _is_held(folder) from None
        folder.unlink(_LOCK)
        return folder.open_or_create(_LOCK)


def _introduce(folder: Folder) -> None:
    """Say who holds the lock; a note that is there, whoever wrote it, is replaced."""
    me = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with folder.new_file(_HOLDER, mode=0o644, overwrite=True) as file:
        file.write(json.dumps(me).encode())


def _leave(folder: Folder) -> None:
    with suppress(OSError):
        folder.unlink(_HOLDER)


def _note(folder: Folder) -> dict[str, object] | None:
    """Who holds the lock, as far as is known: the note may not be written yet."""
    try:
        note = json.loads(folder.read(_HOLDER, _NOTE_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
    return note if isinstance(note, dict) else None


def _is_held(folder: Folder) -> LockHeldError:
    note = _note(folder) or {}
    who = ""
    if {"pid", "host", "since"} <= note.keys():
        who = f": process {note['pid']} on {note['host']}, since {note['since']}"
    return LockHeldError(
        f"Another labferry run is at work on {folder.path}{who}.",
        hint="Wait for it to end; two runs never work on the same state folder.",
    )


def _is_alive(pid: object) -> bool:
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, and somebody else's
        return True
    return True
