"""Words of a server, made fit for a message."""

import unicodedata

from labferry.sdk.secrets import redact

__all__ = ["one_line", "quote"]

_LONGEST = 300


def quote(text: object) -> str:
    """What a server said: one line, no control characters, no secrets, not long."""
    raw = text if isinstance(text, str) else "" if text is None else str(text)
    clean = redact(one_line(raw[: 10 * _LONGEST]))
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 1]}…"


def one_line(text: str) -> str:
    """The text on one line, without control characters, and without what no file can hold."""
    kept = (char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    return " ".join("".join(kept).split())
