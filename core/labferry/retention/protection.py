"""What stays whatever the rules say."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum

from labferry.retention.policy import Decision
from labferry.retention.series import by_series, moment_of
from labferry.sdk import StoredArchive


class Condition(Enum):
    """What is known of a stored copy."""

    READ_BACK = "read back"
    """It was read back, and every byte was right."""

    UNKNOWN = "unknown"
    """It was not read back since it was stored."""

    DAMAGED = "damaged"
    """When it was looked at last, it was not right."""


def keep_anyway(
    decisions: Iterable[Decision], why: Callable[[StoredArchive], str]
) -> Sequence[Decision]:
    """Keep those, of what would be removed, for which there is a reason.

    Args:
        decisions: What the rules say.
        why: The reason to keep an archive all the same; empty where there is none.
    """
    return [decision if decision.keep else _kept(decision, why) for decision in decisions]


def last_good(
    archives: Iterable[StoredArchive],
    condition: Callable[[StoredArchive], Condition],
    now: datetime,
) -> Mapping[str, str]:
    """The archives without which a series could no longer be restored, or less surely so.

    The newest that is not of the future, since a clock that was wrong once must not make every
    later archive look old; the newest that is not known to be damaged; and the newest that was
    read back and found right.

    Args:
        archives: What a destination holds, in any order.
        condition: What is known of each.
        now: The time, UTC.

    Returns:
        For each of them its key, and why it is needed.
    """
    needed: dict[str, str] = {}
    for series in by_series(archives).values():
        known = [(stored, condition(stored)) for stored in series]
        good = [stored for stored, state in known if state is not Condition.DAMAGED]
        current = [stored for stored in good if moment_of(stored) <= now]
        verified = [stored for stored, state in known if state is Condition.READ_BACK]
        for candidates, reason in (
            (verified, "the last one that was read back"),
            (good, "the last good one"),
            (current, "the last good one"),
        ):
            needed |= {stored.key: reason for stored in candidates[:1]}
    return needed


def _kept(decision: Decision, why: Callable[[StoredArchive], str]) -> Decision:
    reason = why(decision.archive)
    return replace(decision, keep=True, reasons=(reason,)) if reason else decision
