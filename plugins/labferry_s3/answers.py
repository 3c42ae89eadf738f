"""What a store's answers say, whatever they leave out or a proxy on the way has changed.

Not every store sends every field, and what stands in front of one rewrites header fields.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from labferry.sdk.http_headers import moment
from labferry.sdk.strays import changed_at

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
        size = int(answer[name])
    except (KeyError, TypeError, ValueError):
        return None
    return size if size >= 0 else None


def moment_of(answer: Mapping[str, Any], name: str = "LastModified") -> datetime | None:
    """A moment, UTC; None if the answer has none, or one before there was S3.

    Stores that do not know it write the year 1 or 1970.
    """
    value = answer.get(name)
    if not isinstance(value, datetime) or value.year < _FIRST_YEAR:
        return None
    return changed_at(value)


def version_of(answer: Mapping[str, Any]) -> str | None:
    """The version that an answer names; a bucket without versions says none, or `null`."""
    version = answer.get("VersionId")
    return None if version in {None, "", "null"} else str(version)


def header_of(answer: Mapping[str, Any], name: str) -> str:
    """A header field of the answer; empty if there is none."""
    return headers_of(answer).get(name, "")


def headers_of(answer: Mapping[str, Any]) -> Mapping[str, str]:
    """All header fields of the answer, by their names in lower case."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return {str(name): str(value or "") for name, value in headers.items()}


def date_of(answer: Mapping[str, Any]) -> datetime | None:
    """The store's clock when it answered, UTC; None if it does not say."""
    return moment(header_of(answer, "date"))


def parse_timestamp(value: Any) -> datetime | None:  # noqa: ANN401 - as the client calls it
    """A timestamp as S3 writes it; None, instead of an error, if a store writes it otherwise."""
    from botocore.utils import parse_timestamp as parse  # noqa: PLC0415 - slow to import

    try:
        parsed: datetime = parse(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return parsed
