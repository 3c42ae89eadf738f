"""HTML out of data: whatever is not markup already is escaped."""

import html
import re
from collections.abc import Iterable

from labferry.sdk import redact

_VOID = frozenset({"col", "link", "meta"})
# Controls that HTML has no place for, halves of surrogate pairs, and the marks that end a line or
# turn the direction of what follows them.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


class Markup(str):
    """Text that is HTML."""

    __slots__ = ()


def raw(text: str) -> Markup:
    """Text that is HTML, and ours."""
    return Markup(text)


def join(parts: Iterable[str]) -> Markup:
    """One after the other."""
    return Markup("".join(map(_markup, parts)))


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element.

    Args:
        name: Its name.
        children: What it holds: markup, or text that is escaped.
        attributes: Those that are None are left out; `_` stands for `-`, and one at the end is
            dropped: `class_`, `aria_label`.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def _value(value: str | float) -> str:
    return _markup(value) if isinstance(value, str) else f"{round(value, 2):g}"


def _markup(text: str) -> Markup:
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(_UNFIT.sub("\ufffd", redact(text))))
