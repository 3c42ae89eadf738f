"""Object lock: asked for with each write, placed afterwards where that was ignored, verified."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from labferry.sdk import InvalidAnswerError, RefusedError
from labferry_s3.answers import Answer
from labferry_s3.errors import ABSENT, ExpectedError
from labferry_s3.objects import Objects, ObjectState
from labferry_s3.settings import ObjectLock

_LEEWAY = timedelta(minutes=5)
_NO_LOCK = ABSENT | {
    "InvalidRequest",
    "NoSuchObjectLockConfiguration",
    "ObjectLockConfigurationNotFoundError",
}
_ANSWERS = {
    "get_object_retention": (
        "Retention",
        {"Mode": "ObjectLockMode", "RetainUntilDate": "ObjectLockRetainUntilDate"},
    ),
    "get_object_legal_hold": ("LegalHold", {"Status": "ObjectLockLegalHoldStatus"}),
}
"""Where other requests tell what an object's properties tell, by the names there."""


def lock_parameters(lock: ObjectLock) -> dict[str, Any]:
    """What to say of the lock when an object or a multipart upload is begun."""
    wanted = {
        "ObjectLockMode": lock.mode and lock.mode.upper(),
        "ObjectLockRetainUntilDate": lock.retain and datetime.now(UTC) + lock.retain,
        "ObjectLockLegalHoldStatus": "ON" if lock.legal_hold else None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def ensure_lock(lock: ObjectLock, objects: Objects, state: ObjectState) -> None:
    """Make sure that an object is locked as the settings say.

    Ceph's gateway forgets the lock of a multipart upload, so what is missing is placed.

    Raises:
        InvalidAnswerError: The store did not do what it was asked.
        RefusedError: Locks may not be asked for, or not be placed.
    """
    reported = state.head or _asked(objects, state)
    if not any(_missing(lock, reported)):
        return
    _place(lock, objects, state)
    begun = {name: reported[name] for name in ("LastModified",) if name in reported}
    for wanted in _missing(lock, _asked(objects, state) | begun):
        raise InvalidAnswerError(
            f"{objects.client.url}{state.key} was written, but it is not {wanted}, as the "
            "settings ask.",
            hint="Does the store support object lock, and was the bucket made with it?",
        )


def locked_until(head: Answer) -> str | None:
    """In words, why and how long an object can't be deleted; None where it can."""
    if head.get("ObjectLockLegalHoldStatus") == "ON":
        return "under a legal hold, until somebody lifts it"
    until = head.get("ObjectLockRetainUntilDate")
    if isinstance(until, datetime) and until > datetime.now(UTC):
        mode = str(head.get("ObjectLockMode", "")).lower()
        return f"locked ({mode}) until {until:%Y-%m-%d %H:%M} UTC"
    return None


def _missing(lock: ObjectLock, reported: Answer) -> Iterator[str]:
    """What is wanted and not there, in words."""
    if lock.legal_hold and reported.get("ObjectLockLegalHoldStatus") != "ON":
        yield "under a legal hold"
    if lock.retain is not None and not _is_retained(lock, lock.retain, reported):
        yield f"locked ({lock.mode}) for {lock.retain.days} days"


def _is_retained(lock: ObjectLock, retain: timedelta, reported: Answer) -> bool:
    until, made = reported.get("ObjectLockRetainUntilDate"), reported.get("LastModified")
    begun = made if isinstance(made, datetime) else datetime.now(UTC)
    # An upload takes time, and its retention is counted from when it was begun.
    allowance = max(_LEEWAY, retain / 10)
    return (
        reported.get("ObjectLockMode") == (lock.mode or "").upper()
        and isinstance(until, datetime)
        and until >= begun + retain - allowance
    )


def _place(lock: ObjectLock, objects: Objects, state: ObjectState) -> None:
    key = objects.key(state.key)
    if lock.mode is not None and lock.retain is not None:
        retention = {
            "Mode": lock.mode.upper(),
            "RetainUntilDate": datetime.now(UTC) + lock.retain,
        }
        with suppress(ExpectedError):
            objects.client.call(
                "put_object_retention", expect=_NO_LOCK, Key=key, Retention=retention
            )
    if lock.legal_hold:
        with suppress(ExpectedError):
            objects.client.call(
                "put_object_legal_hold", expect=_NO_LOCK, Key=key, LegalHold={"Status": "ON"}
            )


def _asked(objects: Objects, state: ObjectState) -> Answer:
    """An object's lock, also for who may not ask for its other properties."""
    found: Answer = {}
    for operation, (part, names) in _ANSWERS.items():
        try:
            answer = objects.client.call(operation, expect=_NO_LOCK, Key=objects.key(state.key))
        except ExpectedError:
            continue
        except RefusedError as error:
            raise RefusedError(
                f"Whether {objects.client.url}{state.key} is locked can't be verified: "
                f"{error.message}",
                hint=error.hint,
            ) from error
        found |= {ours: answer.get(part, {}).get(theirs) for theirs, ours in names.items()}
    return found
