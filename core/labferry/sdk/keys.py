"""Names for stored things: built from what may be hostile, safe on any storage."""

import re
from datetime import UTC, datetime

from labferry.sdk.errors import InvalidAnswerError

__all__ = ["MARKER_KEY", "archive_id", "archive_key", "check_key", "is_key", "safe_name"]

MARKER_KEY = "labferry-destination.json"
"""Where a destination keeps the marker by which it is known again; no archive has such a key."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_PART_LENGTH = 100
_LONGEST_PART = 255
_SHOWN = 300
_DEEPEST = 16
"""Parts of a key, far more than a key of ours has: a storage can claim folders without end."""


def safe_name(text: str) -> str:
    """The text with everything but ASCII letters, digits, `.`, `_` and `-` made `-`.

    Never empty, never beginning with `.` or `-`, so it can be neither hidden, an option nor `..`.
    """
    return _UNSAFE.sub("-", text).strip("-.")[:_PART_LENGTH] or "unnamed"


def archive_id(submitted: datetime, source: str, job: str) -> str:
    """An archive's name for ever: when it was asked for (UTC), the source, the server's job."""
    moment = submitted.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{moment}-{safe_name(source)}-{safe_name(job)}"


def archive_key(identity: str, source: str, submitted: datetime, suffix: str) -> str:
    """Where an archive lies at a destination: `{source}/{yyyy}/{archive_id}{suffix}`."""
    year = submitted.astimezone(UTC).strftime("%Y")
    return check_key(f"{safe_name(source)}/{year}/{identity}{suffix}")


def check_key(key: str) -> str:
    """The key itself, if each of its parts is a plain safe file name.

    Raises:
        InvalidAnswerError: It is absolute, has `..` in it, or characters that are not safe, or
            more folders than a key has.
    """
    parts = key.split("/")
    are_plain = all(_PART.fullmatch(part) and len(part) <= _LONGEST_PART for part in parts)
    if are_plain and len(parts) <= _DEEPEST:
        return key
    raise InvalidAnswerError(
        f"{key[:_SHOWN]!r} can't be a stored name: each part must be made of letters, digits, "
        "'.', '_' and '-', and begin with a letter, a digit or '_'. It has at most "
        f"{_DEEPEST} parts."
    )


def is_key(name: str) -> bool:
    """Whether `check_key` lets a name pass."""
    try:
        check_key(name)
    except InvalidAnswerError:
        return False
    return True
