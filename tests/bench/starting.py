"""How long the command takes to start."""

import statistics
import sys
from pathlib import Path

from .results import Plan, Row
from .site import cost

_PAIRS = 5


def start(plan: Plan) -> list[Row]:
    """`labferry --version` beside an interpreter that does nothing."""
    python = [sys.executable, "-c", "pass"]
    version = [str(Path(sys.executable).with_name("labferry")), "--version"]
    more = [cost(version).seconds - cost(python).seconds for _ in range(_PAIRS * (plan.rounds + 1))]
    # The first ones may have to compile what was changed, and to read it from the disk.
    counted = more[_PAIRS:]
    detail = f"median of {len(counted)} pairs"
    beyond = statistics.median(counted) * 1000
    return [Row("labferry --version, beyond python -c pass", beyond, 120, "ms", detail)]
