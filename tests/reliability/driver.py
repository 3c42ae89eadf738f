"""Runs the real command line in forks of itself, and kills or disturbs them at chosen steps.

A program of its own, so that it is single-threaded when it forks: everything is imported once,
and each run costs tens of milliseconds. It reads one task a line from standard input, as JSON,
and answers each with one line.

A *step* is a call into C that the world can see: SQLite, files, folders, sockets, locks. Steps are
counted for each thread, in each thread's own order, as threads interleave differently every time.
They are found with the interpreter's profiling hook, so nothing in labferry knows of this.
"""

import errno
import hashlib
import importlib
import io
import json
import os
import signal
import sqlite3
import ssl
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO
from unittest import mock

from typing_extensions import override

from labferry import plugins
from labferry.actions import sync
from labferry.cli.main import main
from labferry.runtime import clock
from labferry.runtime.stop import Stop
from labferry.sdk import RunReport, http
from labferry.sync.run import run_sync
from labferry_local import readback, sink

_FILES = {"open", "write", "pwrite", "fsync", "fdatasync", "link", "rename", "replace", "unlink"}
_FOLDERS = {"mkdir", "rmdir", "ftruncate", "truncate", "chmod", "symlink", "flush"}
_NET = {"connect", "send", "sendall", "recv", "recv_into", "read", "do_handshake"}
_EFFECTS = {
    "posix": _FILES | _FOLDERS,
    "_io": _FILES | _FOLDERS,
    "io": _FILES | _FOLDERS,
    "fcntl": {"flock"},
    "sqlite3": {"execute", "executescript", "commit", "close"},
    "_sqlite3": {"execute", "executescript", "commit", "close"},
    "_socket": _NET,
    "socket": _NET,
    "_ssl": _NET,
    "ssl": _NET,
}
_WRITING = set("wxa+")
_IMPORTED_BY_RUNS = (
    "aiobotocore.session",
    "encodings.idna",
    "httpcore",
    "labferry.cli.sync",
    "labferry_rspace.notebook",
    "labferry_sftp.destination",
    "s3fs",
)
_HANGING = 60.0
_LOOK = 0.002
_FAULTS = {
    "ENOSPC": errno.ENOSPC,
    "EIO": errno.EIO,
    "EACCES": errno.EACCES,
    "EROFS": errno.EROFS,
}


@dataclass
class Steps:
    """Counts steps, and does something at a chosen one.

    Attributes:
        at: A thread and a number in it, or the name of a step and how often it came.
        act: What is done there.
        seen: Thread, number in it, and name of each step so far.
        counts: How many there were of each thread and of each name.
    """

    at: tuple[str, int] | None
    act: Callable[[str], None]
    seen: list[tuple[str, int, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def watch(self) -> None:
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def _profile(self, frame: FrameType, event: str, called: Any) -> None:  # noqa: ANN401 - any
        if event != "c_call":
            return
        owner = getattr(called, "__self__", None)
        home = getattr(owner, "__name__", None) or type(owner).__module__
        if called.__name__ not in _EFFECTS.get(home, ()) or _is_memory(owner):
            return
        if home == "io" and not _WRITING.intersection(frame.f_locals.get("mode", "")):
            return
        thread = threading.current_thread().name
        number = self.counts[thread] = self.counts.get(thread, 0) + 1
        what = f"{home.strip('_')}.{called.__name__}"
        self.seen.append((thread, number, what))
        again = self.counts[what] = self.counts.get(what, 0) + 1
        if self.at in {(thread, number), (what, again)}:
            self.act(what)


def _is_memory(owner: object) -> bool:
    """Whether it is what the run says, or text in memory, and not on any disk."""
    said = (sys.stdout, sys.stderr, sys.stdout.buffer, sys.stderr.buffer)
    return isinstance(owner, io.StringIO | io.BytesIO) or any(owner is each for each in said)


def _kill(_what: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _fault(name: str) -> Callable[[str], None]:
    def act(what: str) -> None:
        if what.startswith(("socket", "ssl")):
            return
        _Fired.at = what
        if what.startswith("sqlite3"):
            raise _sqlite_error(name)
        raise OSError(_FAULTS[name], os.strerror(_FAULTS[name]))

    return act


class _Fired:
    at: str = ""


def _sqlite_error(name: str) -> sqlite3.OperationalError:
    code, text = {
        "ENOSPC": (sqlite3.SQLITE_FULL, "database or disk is full"),
        "EIO": (sqlite3.SQLITE_IOERR, "disk I/O error"),
        "EACCES": (sqlite3.SQLITE_PERM, "access permission denied"),
        "EROFS": (sqlite3.SQLITE_READONLY, "attempt to write a readonly database"),
    }[name]
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


def _patch(owner: object, name: str, value: object) -> None:
    """Put something else in a thing's place, for this process."""
    mock.patch.object(owner, name, value).start()


def _write_short(number: int) -> None:
    """Let the nth write into the spool take half of what it was given."""
    real, seen = os.pwrite, [0]

    def pwrite(file: int, data: memoryview, at: int) -> int:
        seen[0] += 1
        if seen[0] == number:
            _Fired.at = "posix.pwrite"
            data = data[: max(1, len(data) // 2)]
        return real(file, data, at)

    _patch(os, "pwrite", pwrite)


def _misread(destination: str) -> None:
    """Let a local destination hand back one wrong bit of every archive, as a bad disk does."""

    class MisreadBack(readback.ReadBack):
        def __init__(self, file: BinaryIO, again: io.FileIO) -> None:
            super().__init__(file, again)
            self._path = Path(file.name)

        @override
        def sha256(self) -> str:
            if f"/{destination}/" not in str(self._path):
                return super().sha256()
            whole = bytearray(self._path.read_bytes())
            whole[-1] ^= 1
            return hashlib.sha256(whole).hexdigest()

    _patch(sink, "ReadBack", MisreadBack)


def _move_clock(days: float) -> None:
    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Moved":
            moment = datetime.now(tz or UTC) + timedelta(days=days)
            return cls.fromisoformat(moment.isoformat())

    _patch(clock, "datetime", Moved)


def _hurry(speed: float) -> None:
    """Let the run's clock go faster than time does, and all its waits be as much shorter."""
    now, wait = clock.Clock.now, Stop.wait
    _patch(clock.Clock, "now", lambda self: self.began + speed * (now(self) - self.began))
    _patch(Stop, "wait", lambda self, seconds: wait(self, seconds / speed))


def _shorten_waits(longest: float) -> None:
    wait = Stop.wait
    _patch(Stop, "wait", lambda self, seconds: wait(self, min(seconds, longest)))


def _child(task: dict[str, Any], out: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.environ.update(task["env"])
    for target, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(task[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), target)
    steps = _prepare(task)
    try:
        code: Any = 0
        try:
            main(task["argv"])
        except SystemExit as error:
            code = error.code
        threading.setprofile(None)
        sys.setprofile(None)
        answer = {"code": code, "steps": steps.seen}
        os.write(out, json.dumps({**answer, "fired": _Fired.at}).encode())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _prepare(task: dict[str, Any]) -> Steps:
    _shorten_waits(task["longest_wait"])
    if "speed" in task:
        _hurry(task["speed"])
    if "clock" in task:
        _move_clock(task["clock"])
    if "short" in task:
        _write_short(task["short"])
    if "read_back" in task:
        _misread(task["read_back"])
    at = task.get("at")
    act = _fault(task["fault"]) if "fault" in task else _kill
    steps = Steps(tuple(at) if at else None, act)
    if at or task.get("count"):
        _watch_runs(steps)
    return steps


def _watch_runs(steps: Steps) -> None:
    """Count from where the run begins: what comes before only reads."""

    def watched(*arguments: Any) -> RunReport:  # noqa: ANN401 - hands them on
        steps.watch()
        return run_sync(*arguments)

    _patch(sync, "run_sync", watched)


def _run(task: dict[str, Any]) -> dict[str, Any]:
    receiver, sender = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        _child(task, sender)
    os.close(sender)
    os.set_blocking(receiver, False)
    with open(receiver, "rb") as pipe:  # noqa: PTH123 - a descriptor, not a path
        status, said, hung = _await(child, task, began, pipe)
    if os.WIFSIGNALED(status):
        return {"code": -os.WTERMSIG(status), "hung": hung, "steps": [], "fired": _Fired.at}
    lost = {"code": os.waitstatus_to_exitcode(status), "steps": [], "fired": ""}
    return {**(json.loads(said) if said else lost), "hung": hung}


def _await(
    child: int,
    task: dict[str, Any],
    began: float,
    pipe: Any,  # noqa: ANN401 - a raw file
) -> tuple[int, bytes, bool]:
    kill_at = began + task.get("kill_after", _HANGING)
    said = b""
    killed = False
    while True:
        said += pipe.read() or b""
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status, said + (pipe.read() or b""), killed and "kill_after" not in task
        if not killed and time.monotonic() >= kill_at:
            os.kill(child, signal.SIGKILL)
            killed = True
        time.sleep(_LOOK)


def serve() -> None:
    """Answer tasks until there are no more."""
    os.environ.pop("LABFERRY_CONFIG", None)
    for module in _IMPORTED_BY_RUNS:
        importlib.import_module(module)
    # Reading all the well-known authorities, and what is installed, takes longer than a run here.
    context = ssl.create_default_context()
    _patch(http, "certificates", lambda _: context)
    points = entry_points(group="labferry")
    for point in points:
        point.load()
    _patch(plugins, "entry_points", lambda **_: points)
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(_run(json.loads(line)))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
