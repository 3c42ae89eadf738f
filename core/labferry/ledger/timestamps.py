"""Times as the ledger's newer tables hold them: microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta
from typing import overload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def stamp(when: datetime) -> int:
    """A time as it is written."""
    return (when - _EPOCH) // _MICROSECOND


@overload
def moment(stamp: int) -> datetime: ...
@overload
def moment(stamp: int | None) -> datetime | None: ...
def moment(stamp: int | None) -> datetime | None:
    """A time as it was written, whatever a damaged disk made of it."""
    return None if stamp is None else _EPOCH + timedelta(microseconds=min(max(stamp, 0), _LAST))


def read_time(text: str) -> datetime:
    """A time that was written in words, UTC unless it says otherwise.

    Raises:
        ValueError: It is none.
    """
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
