"""What a store's answers say, whatever they leave out or a proxy on the way has changed.

Not every store sends every field, and what stands in front of one rewrites header fields.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

Answer = dict[str, Any]
_FIRST_YEAR = 2006


def etag_of(answer: Mapping[str, Any]) -> str:
    """The ETag that an answer names, without quotes; empty if it names none.

    A proxy that may compress answers marks the ETag as weak: `W/"…"`. What the store called the
    object is behind the mark.
    """
    return str(answer.get("ETag") or "").strip().removeprefix("W/").strip('"')


def size_of(answer: Mapping[str, Any], name: str = "Size") -> int | None:
    """A size in bytes; None if the answer has none."""
    try:
        return int(answer[name])
    except (KeyError, TypeError, ValueError):
        return None


def moment_of(answer: Mapping[str, Any], name: str = "LastModified") -> datetime | None:
    """A moment, UTC; None if the answer has none, or one before there was S3.

    Stores that do not know it write the year 1 or 1970.
    """
    value = answer.get(name)
    if not isinstance(value, datetime) or value.year < _FIRST_YEAR:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def version_of(answer: Mapping[str, Any]) -> str | None:
    """The version that an answer names; a bucket without versions says none, or `null`."""
    version = answer.get("VersionId")
    return None if version in {None, "", "null"} else str(version)


def header_of(answer: Mapping[str, Any], name: str) -> str:
    """A header field of the answer; empty if there is none."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get(name) or "")


def date_of(answer: Mapping[str, Any]) -> datetime | None:
    """The store's clock when it answered, UTC; None if it does not say."""
    return http_date(header_of(answer, "date"))


def http_date(text: str) -> datetime | None:
    """A date as header fields have it, UTC; None if it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_timestamp(value: Any) -> datetime | None:  # noqa: ANN401 - as the client calls it
    """A timestamp as S3 writes it; None, instead of an error, if a store writes it otherwise."""
    from botocore.utils import parse_timestamp as parse  # noqa: PLC0415 - slow to import

    try:
        moment: datetime = parse(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment
