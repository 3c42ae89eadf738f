"""Words of a server, made fit for a message."""

import unicodedata

from labferry.sdk.secrets import redact

__all__ = ["quote"]

_LONGEST = 300


def quote(text: object) -> str:
    """What a server said: one line, no control characters, no secrets, not long."""
    raw = text if isinstance(text, str) else "" if text is None else str(text)
    spaced = " ".join(raw[: 10 * _LONGEST].split())
    clean = redact("".join(char for char in spaced if unicodedata.category(char)[0] != "C"))
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 1]}…"
