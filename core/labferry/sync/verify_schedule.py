"""Which stored copies a sync reads back: a share small enough, so that none is left too long."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Unread:
    """A copy, and for how long it was not read back.

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
    """What has to come true.

    Attributes:
        every: Within which time every copy is read back.
        gap: How long after this sync the next one comes, at the latest.
        budget: How many bytes one sync reads at most, but for what is overdue; None for no limit.
    """

    every: timedelta
    gap: timedelta
    budget: int | None = None


def choose_share(copies: Iterable[Unread], now: datetime, rule: Rule) -> Sequence[Unread]:
    """The copies to read back now, the one that was not read longest first.

    Read are those that would be too old at the next sync. Of the others as many as it takes to
    keep an even pace, which is all the bytes there are in the time of `every - gap`: as many that
    what is before any copy can be read at that pace before the copy's own last chance comes. So
    copies that were all stored on one day spread over the whole period, and none is read sooner
    than that needs.

    If no sync comes later than `gap` after the one before, no copy is older than `every` when it
    is read: before it would be, there is a last sync that sees it coming. With a budget the same
    holds for copies that only grow in number, if the budget is at least the bytes of that pace in
    one gap and the largest copy besides: at each sync, no more than those are called for. What is
    too old all the same, as syncs or budgets were missed, is read whatever the budget.

    Args:
        copies: All copies of one destination.
        now: The time.
        rule: What has to come true.
    """
    queue = sorted(copies, key=lambda copy: (copy.since, copy.archive_id))
    needed = _needed(queue, now, rule)
    return _affordable(queue[:needed], now, rule)


def longest_gap(rounds: Sequence[datetime]) -> timedelta:
    """How long after a sync the next one is to be expected, at the latest: as it was till now.

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
