"""What a benchmark finds, and how both sides of a ratio are measured."""

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .storages import S3Bucket

MIB = 1 << 20
GIB = 1024 * MIB
MB = 10**6


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        value: The figure: a ratio, unless the unit says otherwise.
        goal: What it shall not exceed.
        unit: Its unit; `x` for a ratio.
        detail: What stands behind it.
    """

    what: str
    value: float
    goal: float
    unit: str = "x"
    detail: str = ""

    def __str__(self) -> str:
        mark = "ok  " if self.value <= self.goal else "OVER"
        figures = f"{self.value:8.2f} {self.unit:<2} (goal {self.goal:g})"
        return f"{mark} {self.what:<62} {figures:<27} {self.detail}"


@dataclass(frozen=True)
class Point:
    """What a sync costs at one place of a curve.

    Attributes:
        at: How much there is to do.
        seconds: From its start to its end.
        cpu: Seconds of the processor.
    """

    at: float
    seconds: float
    cpu: float


@dataclass(frozen=True)
class Curve:
    """How the cost of a sync grows with one thing.

    Attributes:
        what: What grows, with its unit.
        fixed: What stays the same.
        points: The cost, the least first.
    """

    what: str
    fixed: str
    points: Sequence[Point]

    def __str__(self) -> str:
        head = f"     cost by {self.what} ({self.fixed})"
        points = (
            f"{each.at:g}: {each.seconds:.2f} s, cpu {each.cpu:.2f} s" for each in self.points
        )
        return "\n".join([head, *(f"       {point}" for point in points)])


@dataclass(frozen=True)
class Plan:
    """How much to do.

    Attributes:
        folder: An empty folder to work in.
        scale: 1 for the sizes that the goals name; a smaller share for a first impression.
        rounds: How often both sides of a ratio are measured.
        bucket: Makes an empty bucket in a real S3 store.
    """

    folder: Path
    scale: float
    rounds: int
    bucket: Callable[[], S3Bucket]

    def size(self, full: int) -> int:
        """A size in bytes at this scale, of whole MiB."""
        return self.count(full // MIB) * MIB

    def count(self, full: int, least: int = 1) -> int:
        """A number of things at this scale."""
        return max(least, round(full * self.scale))

    def place(self, name: str) -> Path:
        """A new folder within the benchmark's own."""
        made = self.folder / name
        made.mkdir(parents=True)
        return made


Benchmark = Callable[[Plan], Sequence[Row | Curve]]


@dataclass(frozen=True)
class Compared:
    """Seconds, by who took them, one figure a round.

    Attributes:
        ours: How long labferry took.
        others: How long each other way took.
    """

    ours: Sequence[float]
    others: Mapping[str, Sequence[float]]

    def ratio(self, combine: Callable[[Sequence[float]], float]) -> float:
        """The median of the ratios between ours and what the others took in the same round.

        Args:
            combine: Makes one figure of what the others took.
        """
        rounds = zip(self.ours, zip(*self.others.values(), strict=True), strict=True)
        return statistics.median([own / combine(others) for own, others in rounds])

    def detail(self) -> str:
        """The medians of the seconds themselves."""
        told = {"labferry": self.ours, **self.others}
        return ", ".join(f"{name} {statistics.median(each):.2f} s" for name, each in told.items())


def compare(
    plan: Plan,
    ours: Callable[[], object],
    others: Mapping[str, Callable[[], object]],
    tidy: Callable[[], object],
    ready: Callable[[], object] = lambda: None,
) -> Compared:
    """Measure every way in turn, round after round, after one of each that does not count.

    Args:
        plan: How many rounds.
        ours: What labferry does.
        others: What is done instead, by name.
        tidy: What to do after each, unmeasured: to check what it did, and to undo it.
        ready: What to do before each, unmeasured.
    """
    ways = [("", ours), *others.items()]
    measured: dict[str, list[float]] = {name: [] for name, _ in ways}
    for number in range(plan.rounds + 1):
        # Who comes after whom changes, as what one leaves behind may slow down the next.
        for name, action in ways if number % 2 else reversed(ways):
            ready()
            taken = seconds(action)
            tidy()
            if number:
                measured[name].append(taken)
    return Compared(measured.pop(""), measured)


def seconds(action: Callable[[], object]) -> float:
    """How long something takes."""
    # What was written before shall not be forced to the disk at the expense of this.
    os.sync()
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
