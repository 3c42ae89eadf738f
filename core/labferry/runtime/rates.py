"""How fast something goes: lately, and since it began."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

WINDOW = 10.0
"""Seconds that count as lately."""
_STEP = 0.5
"""Seconds between two marks at least."""
_LEAST = 1.0
"""Seconds; of fewer, a rate is a guess that jumps."""


class _Mark(NamedTuple):
    at: float
    done: float


class RateMeter:
    """Where something was when. One thread notes it, others ask for rates at the same time.

    All times are in seconds of the same clock.
    """

    def __init__(self) -> None:
        # Replaced and never changed, so that whoever reads it needs no lock.
        self._marks: tuple[_Mark, ...] = ()

    def note(self, now: float, done: float) -> None:
        """Note how far it is. What it had before the first note was never its own work."""
        marks = self._marks
        if not marks or done < marks[-1].done:
            self._marks = (_Mark(now, done),)
        elif now - marks[-1].at >= _STEP:
            first, *others = marks
            old = [mark for mark in others if mark.at <= now - WINDOW]
            self._marks = (first, *old[-1:], *others[len(old) :], _Mark(now, done))

    def lately(self, now: float, done: float) -> float | None:
        """How much a second it does these days; 0 where it stands still, None in the beginning."""
        return self._rate(now, done, WINDOW)

    def altogether(self, now: float, done: float) -> float | None:
        """How much a second it did since it began; None in the beginning."""
        return self._rate(now, done, float("inf"))

    def _rate(self, now: float, done: float, window: float) -> float | None:
        if not self._marks:
            return None
        marks = (*self._marks, _Mark(now, done))
        since = max(now - window, marks[0].at)
        if now - since < _LEAST:
            return None
        return max(0.0, done - _done_at(since, marks)) / (now - since)


def _done_at(moment: float, marks: Sequence[_Mark]) -> float:
    """How far it was, evenly between two marks."""
    for before, after in pairwise(marks):
        if moment < after.at:
            share = (moment - before.at) / (after.at - before.at)
            return before.done + share * (after.done - before.done)
    return marks[-1].done
