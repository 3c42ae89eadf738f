"""Which stored copies a sync reads back: a share that is small and reaches every copy in time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Unread:
    """A copy, and when it was last read back.

    Attributes:
        archive_id: The archive.
        size: Its size in bytes.
        since: When it was read back last, or stored.
    """

    archive_id: str
    size: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule that the schedule keeps.

    Attributes:
        every: How often every copy must be read back.
        gap: The longest time until the next sync.
        budget: The most bytes that one sync reads, overdue copies apart; None for no limit.
    """

    every: timedelta
    gap: timedelta
    budget: int | None = None


def choose_share(copies: Iterable[Unread], now: datetime, rule: Rule) -> Sequence[Unread]:
    """The copies to read back now, the least recently read one first.

    Selects every copy that would exceed `every` by the next sync, plus enough of the oldest
    others to keep a steady rate. The steady rate reads all bytes once within `every - gap`.
    Enough are selected so that, at this rate, each copy is reached before its last possible sync.
    So copies that were all stored on one day spread over the whole period, and no copy is read
    sooner than necessary.

    If each sync comes within `gap` of the previous one, no copy is older than `every` when it is
    read. With a budget this also holds for copies that only grow in number, if the budget is at
    least the bytes that the steady rate reads in one gap, plus the largest copy. A copy that
    exceeds `every` because a sync was missed or a budget was too small is read regardless of the
    budget.

    Args:
        copies: All copies of one destination.
        now: The time.
        rule: The rule that the schedule keeps.
    """
    queue = sorted(copies, key=lambda copy: (copy.since, copy.archive_id))
    needed = _needed(queue, now, rule)
    return _affordable(queue[:needed], now, rule)


def longest_gap(rounds: Sequence[datetime]) -> timedelta:
    """How soon after a sync the next one is expected at the latest.

    Args:
        rounds: When syncs were, oldest first. While that is less than a day of them, a day.
    """
    gaps = [later - earlier for earlier, later in pairwise(rounds)]
    return max(gaps) if rounds[-1] - rounds[0] >= _DAY else _DAY


def _needed(queue: Sequence[Unread], now: datetime, rule: Rule) -> int:
    """How many from the beginning of the queue have to be read now."""
    period = max(rule.every - rule.gap, timedelta())
    total = sum(copy.size for copy in queue)
    before, behind, last_chances = 0, 0.0, 0
    for number, copy in enumerate(queue, start=1):
        left = copy.since + period - now
        if left < timedelta() or not period:
            last_chances = number
        else:
            behind = max(behind, before - total * (left / period))
        before += copy.size
    read = 0
    for number, copy in enumerate(queue):
        if number >= last_chances and read >= behind:
            return number
        read += copy.size
    return len(queue)


def _affordable(queue: Sequence[Unread], now: datetime, rule: Rule) -> Sequence[Unread]:
    chosen, read = [], 0
    for copy in queue:
        is_overdue = copy.since + rule.every <= now
        if is_overdue or rule.budget is None or read + copy.size <= rule.budget:
            chosen.append(copy)
            read += copy.size
    return chosen
