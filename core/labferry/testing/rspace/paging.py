"""Pages of lists: ``pageNumber`` from 0, ``pageSize`` 1 to 100, ``_links`` from first to last."""

import zlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from labferry.testing.rspace.messages import Invalid
from labferry.testing.rspace.state import Call

_MOST = 100
_PAGING = ("pageNumber", "pageSize")


def page(call: Call, path: str, name: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One page of ``items`` under ``name``, with totalHits and links."""
    wrong = Invalid("pagination")
    number = _bounded(call, "pageNumber", (0, 10**9), 0, wrong)
    size = _bounded(call, "pageSize", (1, _MOST), 20, wrong)
    wrong.check()
    last = max(0, (len(items) - 1) // size)
    numbers = {"self": number, "first": 0, "last": last}
    numbers |= {"prev": number - 1} if number > 0 else {}
    numbers |= {"next": number + 1} if number < last else {}
    return {
        "totalHits": len(items),
        "pageNumber": number,
        name: list(items[number * size : (number + 1) * size]),
        "_links": [
            {"link": _link(call, path, each, size), "rel": rel} for rel, each in numbers.items()
        ],
    }


def _bounded(call: Call, name: str, bounds: tuple[int, int], default: int, wrong: Invalid) -> int:
    word = call.request.param(name, str(default))
    low, high = bounds
    if word.isascii() and word.isdigit() and low <= int(word) <= high:
        return int(word)
    wrong.add(name, word, f"must be between {low} and {high}")
    return default


def _link(call: Call, path: str, number: int, size: int) -> str:
    others = [
        (key, value)
        for key, values in call.request.params.items()
        for value in values
        if key not in _PAGING
    ]
    return call.state.link(
        f"{path}?{urlencode([('pageNumber', number), ('pageSize', size), *others])}"
    )


def ordered(
    call: Call,
    items: Sequence[dict[str, Any]],
    allowed: Sequence[str],
    default: str,
    *,
    unsteady: bool = False,
) -> list[dict[str, Any]]:
    """Items in the order of ``orderBy``, such as ``name asc``.

    Args:
        call: The request.
        items: What to order.
        allowed: By what.
        default: How, if the request does not say.
        unsteady: Whether the database orders anew for each page, with no rule for what is equal:
            then one item is on two pages, and another one on none.

    Raises:
        ApiProblem: 400/40002: no such order.
    """
    word, _, direction = call.request.param("orderBy", default).partition(" ")
    wrong = Invalid("pagination")
    if word not in allowed or direction not in ("", "asc", "desc"):
        wrong.add("orderBy", word, f"must be one of {', '.join(allowed)}, with asc or desc")
    wrong.check()
    tried = f"{call.request.param('pageNumber', '0')} {direction}" if unsteady else ""
    anyhow = [zlib.crc32(f"{tried}{item}".encode()) if unsteady else 0 for item in items]
    ranked = sorted(
        zip(items, anyhow, strict=True),
        key=lambda pair: (str(pair[0][word]), pair[1]),
        reverse=direction == "desc",
    )
    return [item for item, _ in ranked]
