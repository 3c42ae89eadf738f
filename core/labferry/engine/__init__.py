"""Drives the lifecycle: lanes, the spool, the fan-out to destinations, retries.

Read `run` first, then `planning`, `lane`, `fetch`, `handover`, `destination`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labferry.engine.board import Board
    from labferry.engine.lock import run_lock
    from labferry.engine.run import run_sync
    from labferry.engine.stop import Stop

__all__ = ["Board", "Stop", "run_lock", "run_sync"]

_MODULES = {"Board": "board", "Stop": "stop", "run_lock": "lock", "run_sync": "run"}


def __getattr__(name: str) -> object:
    """Import what is asked for: most verbs need little of all this, and shall start fast."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
