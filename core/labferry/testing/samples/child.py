"""A process for attempts that are killed or measured; `labferry.testing.sink.killing` starts it.

Reads a task from standard input, runs every attempt in a fork of itself, and writes what became
of them to standard output.
"""

import json
import os
import resource
import signal
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import Any

from labferry.testing.samples.attempts import Attempt, Recipe, perform

__all__ = ["main"]

_STATUS = Path("/proc/self/status")


def _peak_memory() -> int:
    """The most memory that this process ever held, in bytes."""
    if _STATUS.exists():  # getrusage also remembers what the process was before it was forked
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _in_the_fork(recipe: Recipe, attempt: Attempt, calls: int, out: int) -> None:
    answer: dict[str, Any] = {"calls": 0, "growth": 0, "error": ""}
    try:
        sink = recipe.make()
        before = _peak_memory()
        answer["calls"] = perform(partial(_given, sink), attempt, calls, _kill_myself)
        answer["growth"] = _peak_memory() - before
    except BaseException:  # noqa: BLE001 - whatever it is, the parent shall report it
        answer["error"] = traceback.format_exc()
    os.write(out, json.dumps(answer).encode())
    os._exit(0)


def _given(sink: Any) -> Any:  # noqa: ANN401 - hands on what it was given
    return sink


def _run(recipe: Recipe, attempt: Attempt, calls: int) -> dict[str, Any]:
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        _in_the_fork(recipe, attempt, calls, sender)
    os.close(sender)
    with open(receiver, "rb") as pipe:  # noqa: PTH123 - a descriptor, not a path
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    lost = {"calls": 0, "growth": 0, "error": "" if killed else f"It ended with {status}."}
    return {**(json.loads(answer) if answer else lost), "killed": killed}


def main() -> None:
    """Run the attempts that standard input lists."""
    task = json.load(sys.stdin)
    recipe = Recipe(**task["recipe"])
    recipe.make().close()  # so that what it imports is imported once
    outcomes, calls = [], 0
    for each in task["attempts"]:
        outcome = _run(recipe, Attempt(**each), calls)
        calls = outcome["calls"] or calls
        outcomes.append(outcome)
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
