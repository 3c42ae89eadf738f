"""Whether a plan fits into the requests that the server allows a key in a day.

Where throttling is on, RSpace tells the limit and what is left of it with every answer. Where it is
off, the headers are constant, without one for the day, or with a limit that no one could work with.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from labferry.sdk.http_headers import number

_MEANINGLESS = 10
# Asking for it, finding it at work, finding it done, and the download: no export takes less.
_REQUESTS_PER_EXPORT = 4


@dataclass(frozen=True, slots=True)
class Budget:
    """Requests a day, for one key.

    Attributes:
        limit: How many are allowed.
        left: How many are left now.
    """

    limit: float
    left: float

    @classmethod
    def of(cls, headers: httpx.Headers) -> "Budget | None":
        """What an answer tells; None if nothing."""
        limit = number(headers.get("x-rate-limit-limit-day", ""))
        left = number(headers.get("x-rate-limit-remaining-day", ""))
        if limit is None or left is None or limit <= _MEANINGLESS:
            return None
        return cls(limit, left)


def shortage(exports: int, budgets: Sequence[Budget | None]) -> str:
    """What is to be said of a plan that can't fit; empty if it can, or nobody knows.

    Args:
        exports: How many exports are planned.
        budgets: That of each key that shares the work.
    """
    known = [budget for budget in budgets if budget is not None]
    if not known or len(known) < len(budgets):
        return ""
    needed = exports * _REQUESTS_PER_EXPORT
    left = sum(budget.left for budget in known)
    if needed <= left:
        return ""
    allowed = sum(budget.limit for budget in known)
    days = math.ceil(needed / allowed)
    return (
        f"{exports} exports take at least {needed} requests, but the server allows {allowed:g} a "
        f"day with {_keys(len(known))} and {math.floor(left)} are left now: they will take about "
        f"{days + (days == 1)} days. More keys, or sources that take turns, would help."
    )


def _keys(count: int) -> str:
    return "this key" if count == 1 else f"these {count} keys"
