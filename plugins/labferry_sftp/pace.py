"""A limit to how fast bytes are sent, written as people write it."""

import re
import time
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

__all__ = ["Pacer", "Rate"]

_EXPECTED = 'a number of bytes each second with its unit, such as "20 MB/s" or "500 kB/s"'
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b(?:/s)?\s*", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_AHEAD = 0.25


def _rate(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    rate = match and round(
        float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2].casefold()]
    )
    if not rate:
        raise ValueError(_EXPECTED)
    return rate


Rate = Annotated[
    int,
    BeforeValidator(_rate),
    PlainSerializer(lambda rate: f"{rate} B/s", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([kKMGT]i?)?B(/s)?\s*$"}),
]
"""A number of bytes each second: `"20 MB/s"`."""


class Pacer:
    """Holds its caller back so that bytes go out no faster than allowed.

    Args:
        rate: Bytes each second; None for no limit.
        clock: Seconds that only ever grow.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        rate: int | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._due = 0.0

    def take(self, count: int) -> None:
        """Wait until `count` more bytes may go out."""
        if self._rate is None:
            return
        now = self._clock()
        # Time that went unused is not saved up, but for a moment's worth.
        self._due = max(self._due, now - _AHEAD)
        if self._due > now:
            self._sleep(self._due - now)
        self._due += count / self._rate
