"""Sizes and rates in bytes, as people write them, and a way to keep to a rate."""

import re
import time
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

__all__ = ["GIB", "MIB", "Pacer", "Rate", "Size"]

MIB = 1 << 20
GIB = 1 << 30

_UNITS = {
    "": 1,
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("kMGT", start=1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", start=1)},
}
_FOLDED = {unit.casefold(): factor for unit, factor in _UNITS.items()}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_AHEAD = 0.25
_PIECE = MIB
_SMALLEST_PIECE = 1024
_PIECES_A_SECOND = 8


def _bytes(value: object, expected: str) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    factor = _FOLDED.get(match[2].casefold()) if match else None
    if match is None or factor is None:
        raise ValueError(expected)
    return int(float(match[1]) * factor)


def _size(value: object) -> object:
    return _bytes(value, 'a size with its unit, such as "16 MiB" or "1.5 GB"')


def _rate(value: object) -> object:
    expected = 'a number of bytes each second with its unit, such as "20 MB/s" or "500 kB/s"'
    rate = _bytes(value.removesuffix("/s") if isinstance(value, str) else value, expected)
    if not rate:
        raise ValueError(expected)
    return rate


_NUMBER = r"^\s*\d+(\.\d+)?\s*([kKMGT]i?)?B?"

Size = Annotated[
    int,
    BeforeValidator(_size),
    PlainSerializer(lambda size: f"{size} B", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _NUMBER + r"\s*$"}),
]
"""A number of bytes with its unit: `"16 MiB"`, `"1.5 GB"`."""

Rate = Annotated[
    int,
    BeforeValidator(_rate),
    PlainSerializer(lambda rate: f"{rate} B/s", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _NUMBER + r"(/s)?\s*$"}),
]
"""A number of bytes each second: `"20 MB/s"`."""


class Pacer:
    """Holds its caller back so that bytes go out no faster than allowed.

    Args:
        rate: Bytes each second; None for no limit.
        clock: Seconds that only ever grow.
        sleep: Waits for some seconds.

    Attributes:
        piece: How many bytes to take at a time, at most: whoever takes more waits so long that
            a run can't be stopped in between.
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
        wanted = _PIECE if rate is None else rate // _PIECES_A_SECOND
        self.piece = max(_SMALLEST_PIECE, min(_PIECE, wanted))

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
