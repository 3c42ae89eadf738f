"""Drives the lifecycle: lanes, the spool, the fan-out to destinations, retries.

Read `run` first, then `planning`, `lane`, `fetch`, `handover`, `destination`.
"""

from labferry.engine.board import Board
from labferry.engine.lock import run_lock
from labferry.engine.run import run_sync
from labferry.engine.stop import Stop

__all__ = ["Board", "Stop", "run_lock", "run_sync"]
