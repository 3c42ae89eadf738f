"""Kills stores and deletes in the middle: in a process of their own, or as good as killed."""

import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from labferry.testing.samples.attempts import Attempt, Recipe, perform

__all__ = ["Outcome", "run_in_process", "run_in_threads"]

_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        killed: Whether it was killed; else it ended by itself.
        calls: How many I/O calls were counted, if it ended by itself.
        growth: How much its peak memory grew, in bytes.
        error: The traceback of what it raised.
    """

    killed: bool
    calls: int = 0
    growth: int = 0
    error: str = ""


def run_in_process(recipe: Recipe, attempts: Sequence[Attempt]) -> list[Outcome]:
    """Make the attempts in another process, where SIGKILL ends them."""
    task = {"recipe": asdict(recipe), "attempts": [asdict(each) for each in attempts]}
    done = subprocess.run(
        [sys.executable, "-m", "labferry.testing.samples.child"],
        input=json.dumps(task).encode(),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The child process failed:\n{done.stderr.decode(errors='replace')}")
    return [Outcome(**each) for each in json.loads(done.stdout)]


def run_in_threads(recipe: Recipe, attempts: Sequence[Attempt]) -> list[Outcome]:
    """Make the attempts in threads that stop for ever where they would be killed.

    For storages that live in this process: to them a thread that never goes on is the same as
    one whose process was killed, as no handler of it will ever run.
    """
    outcomes: list[Outcome] = []
    calls = 0
    for attempt in attempts:
        outcomes.append(_Abandoned(recipe, attempt, calls).outcome())
        calls = outcomes[-1].calls or calls
    return outcomes


class _Abandoned:
    def __init__(self, recipe: Recipe, attempt: Attempt, calls: int) -> None:
        self._recipe, self._attempt, self._calls = recipe, attempt, calls
        self._settled = threading.Event()
        self._outcome = Outcome(killed=True)

    def outcome(self) -> Outcome:
        threading.Thread(target=self._run, daemon=True).start()
        if not self._settled.wait(_SECONDS):
            raise RuntimeError("The attempt neither ended nor came to where it is killed.")
        return self._outcome

    def _run(self) -> None:
        try:
            calls = perform(self._recipe.make, self._attempt, self._calls, self._stop_for_ever)
            self._outcome = Outcome(killed=False, calls=calls)
        except Exception:  # noqa: BLE001 - whatever it is, the test shall report it
            self._outcome = Outcome(killed=False, error=traceback.format_exc())
        self._settled.set()

    def _stop_for_ever(self) -> None:
        sys.setprofile(None)
        self._settled.set()
        threading.Event().wait()
