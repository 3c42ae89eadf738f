"""Sizes in bytes, written as people write them."""

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

__all__ = ["GIB", "MIB", "Rate", "Size"]

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


def _parse(text: str, expected: str) -> int:
    match = _SIZE.fullmatch(text)
    factor = _FOLDED.get(match[2].casefold()) if match else None
    if match is None or factor is None:
        raise ValueError(expected)
    return int(float(match[1]) * factor)


def _size(value: object) -> object:
    expected = 'a size with its unit, such as "16 MiB" or "1.5 GB"'
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ValueError(expected)  # noqa: TRY004 - pydantic collects ValueError only
    return _parse(value, expected)


def _rate(value: object) -> object:
    return _size(value.removesuffix("/s") if isinstance(value, str) else value)


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
