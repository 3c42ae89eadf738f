"""One run per state folder."""

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from labferry.sdk import FullError, LabferryError, LockHeldError, StateError


@contextmanager
def run_lock(state_dir: Path) -> Iterator[None]:
    """Hold the state folder's lock. The system gives it back when the process dies, however.

    Raises:
        LockHeldError: Another process holds it; the message says which.
        StateError: The state folder can't be made or written.
    """
    holder = state_dir / "holder.json"
    lock = FileLock(state_dir / "lock", timeout=0, mode=0o600)
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise LockHeldError(
            f"Another labferry run is at work on {state_dir}{_describe(holder)}.",
            hint="Wait for it to end; two runs never work on the same state folder.",
        ) from None
    except OSError as error:
        raise _unusable(state_dir, error) from error
    try:
        _introduce(holder, state_dir)
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        with suppress(OSError):
            lock.release()


def _introduce(holder: Path, state_dir: Path) -> None:
    me = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        holder.write_text(json.dumps(me), encoding="utf-8")
    except OSError as error:
        raise _unusable(state_dir, error) from error


def _describe(holder: Path) -> str:
    """Who holds the lock, as far as can be told: its note may not be written yet."""
    try:
        note = json.loads(holder.read_text(encoding="utf-8"))
        return f": process {note['pid']} on {note['host']}, since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _unusable(state_dir: Path, error: OSError) -> LabferryError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return FullError(
            f"The state folder {state_dir} can't be used: its disk is full.",
            hint="Free some space; the next run goes on.",
        )
    return StateError(
        f"The state folder {state_dir} can't be used: {error.strerror or error}.",
        hint="Set state_dir to a folder that this user can write.",
    )
