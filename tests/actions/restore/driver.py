"""Runs the command line in forks of itself, and kills or disturbs them at chosen steps.

A program of its own, so that it is single-threaded when it forks and everything is imported once.
It reads one task a line from standard input, as JSON, and answers each with one line. A step is a
call into C, on the main thread, that opens, reads or changes files; the interpreter's profiling
hook finds them.
"""

import errno
import importlib
import json
import os
import signal
import sys
from importlib.metadata import entry_points
from types import FrameType
from typing import Any
from unittest import mock

from labferry import plugins
from labferry.cli.main import main

_STEPS = {
    *("open", "write", "fsync", "link", "unlink", "rename", "replace", "truncate"),
    *("mkdir", "rmdir", "flock", "close"),
}
_HOMES = {"posix", "_io", "io", "fcntl"}


class _Steps:
    def __init__(self, at: int | None, fault: str | None) -> None:
        self.seen: list[str] = []
        self._at = at
        self._code = getattr(errno, fault) if fault else 0

    def profile(self, frame: FrameType, event: str, called: Any) -> None:  # noqa: ANN401 - any
        owner = getattr(called, "__self__", None)
        home = getattr(owner, "__name__", None) or type(owner).__module__
        if event != "c_call" or called.__name__ not in _STEPS or home not in _HOMES:
            return
        if not _is_ours(frame):
            return
        self.seen.append(called.__name__)
        if len(self.seen) == self._at:
            if not self._code:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(self._code, os.strerror(self._code))


def _is_ours(frame: FrameType | None) -> bool:
    """Whether it is a step of the restore itself, however deep, and not of the start."""
    while frame is not None:
        name = frame.f_code.co_qualname
        if name in {"_restore_copy", "_sweep", "_already_here"}:
            return True
        frame = frame.f_back
    return False


def _child(task: dict[str, Any], out: int) -> None:
    for target, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(task[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), target)
    steps = _Steps(task.get("at"), task.get("fault"))
    code: Any = 0
    sys.setprofile(steps.profile)
    try:
        main(task["argv"])
    except SystemExit as error:
        code = error.code
    sys.setprofile(None)
    os.write(out, json.dumps({"code": code, "steps": steps.seen}).encode())


def _run(task: dict[str, Any]) -> dict[str, Any]:
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _child(task, sender)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
    os.close(sender)
    with open(receiver, "rb") as pipe:  # noqa: PTH123 - a descriptor, not a path
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    lost = {"code": os.waitstatus_to_exitcode(status), "steps": []}
    return json.loads(said) if said else lost


def _serve() -> None:
    for module in ("cli.restore", "cli.failures", "actions.restore"):
        importlib.import_module(f"labferry.{module}")
    plugins.load_plugins()
    points = entry_points(group="labferry")
    mock.patch.object(plugins, "entry_points", lambda **_: points).start()  # noqa: PT008 - a mock would be counted, too
    # All of this machine's files, which others are busy with.
    mock.patch.object(os, "sync", os.getpid).start()
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(_run(json.loads(line)))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
