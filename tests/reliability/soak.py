"""Thousands of random kills, for as long as it is told: `python -m tests.reliability.soak 1h`.

Not part of the test run. A failure prints the seed that repeats it, and leaves its folder.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pydantic import TypeAdapter

from labferry.sdk.settings import Duration
from labferry.testing.rspace import Act, Fault, Reset, Slow, Stall, Truncate, html_answer

from .checks import check_settled, check_told
from .harness import Driver, Lab
from .kinds import ALL, Kinds

_ACTS: tuple[Act, ...] = (
    Reset(),
    Reset(after_effect=True),
    Truncate(70_000),
    Truncate(70_000, reset=True),
    Slow(2_000_000),
    Stall(0.1),
    html_answer(502),
    html_answer(504, after_effect=True),
)


def _one(folder: Path, driver: Driver, kinds: Kinds, luck: random.Random) -> Counter[str]:
    """One laboratory: some kills in a row, perhaps with faults, then a run that must do."""
    lab = Lab.new(folder, driver, kinds[luck.choice(ALL)])
    longest = lab.targets["nas"].longest
    lab.options.presigned = luck.random() < 0.5
    lab.options.timing.run = luck.choice((0.0, 0.03, 0.2))
    with lab.opened():
        faults = luck.randrange(3)
        for _ in range(faults):
            lab.server.faults.add(Fault("any", luck.choice(_ACTS), nth=luck.randint(1, 12)))
        kills = 0
        for _ in range(luck.randint(1, 6)):
            outcome = lab.sync(kill_after=luck.uniform(0.002, longest))
            check_told(outcome)
            kills += outcome.was_killed
        lab.server.faults.clear()
        archives = check_settled(lab, lab.sync(), orphans=kills + faults)
    return Counter({"kills": kills, "archives checked": archives, "laboratories": 1})


def _soak(seconds: float, first: int) -> int:
    servers = Path(tempfile.mkdtemp(prefix="labferry-soak-servers-"))
    try:
        with Kinds.opened(servers) as kinds:
            return _soak_in(kinds, seconds, first)
    finally:
        shutil.rmtree(servers)


def _soak_in(kinds: Kinds, seconds: float, first: int) -> int:
    figures: Counter[str] = Counter()
    driver = Driver()
    end = time.monotonic() + seconds
    seed = first
    while time.monotonic() < end:
        folder = Path(tempfile.mkdtemp(prefix="labferry-soak-"))
        try:
            figures += _one(folder / "lab", driver, kinds, random.Random(seed))  # noqa: S311 - seeded
        except AssertionError as error:
            _say(f"Seed {seed} failed, see {folder}: {error}")
            return 1
        shutil.rmtree(folder)
        seed += 1
        if figures["laboratories"] % 100 == 0:
            _say(", ".join(f"{what}: {number:,}" for what, number in sorted(figures.items())))
    driver.close()
    _say(", ".join(f"{what}: {number:,}" for what, number in sorted(figures.items())))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Read the arguments and soak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("duration", nargs="?", default="10m", help="such as 90s, 10m or 8h")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    arguments = parser.parse_args()
    duration = TypeAdapter(Duration).validate_python(arguments.duration)
    return _soak(duration.total_seconds(), arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
