"""Words of a server, made fit for a message."""

import unicodedata

from labferry.sdk.secrets import redact

__all__ = ["one_line", "quote"]

_LONGEST = 300
_JOINERS = "\u200c\u200d"


def quote(text: object) -> str:
    """What a server said: one line, no control characters, no secrets, not long."""
    raw = text if isinstance(text, str) else "" if text is None else str(text)
    clean = redact(one_line(raw[: 10 * _LONGEST]))
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 1]}…"


def one_line(text: str) -> str:
    """The text on one line, without control characters, and without what no file can hold.

    The joiners stay: without them, names in Persian and in scripts of India are other words.
    """
    kept = (char for char in text if char.isspace() or char in _JOINERS or _is_shown(char))
    return " ".join("".join(kept).split())


def _is_shown(char: str) -> bool:
    return unicodedata.category(char)[0] != "C"
