"""Reading stored copies back: one of them, or a sync's share of a destination."""

import errno
import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

from labferry.runtime.progress import ActivityKind
from labferry.runtime.retry import RetryPolicy
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Checked,
    IntegrityError,
    NotFoundError,
    Sink,
    StoredArchive,
    TransientError,
    redact,
)
from labferry.sync.context import RunContext
from labferry.sync.verify_schedule import Rule, Unread, choose_share, longest_gap

_log = logging.getLogger(__name__)
_CHUNK = 1 << 20
_MEMORY = timedelta(days=2)
"""For how long at least it is known when syncs were: long enough to tell how often they are."""
_BAD_MEDIUM = {errno.EIO, errno.EBADMSG, errno.EUCLEAN}
"""How Linux says that a disk or a file system can't give back what it was given."""


def read_back(
    sink: Sink[Any],
    stored: StoredArchive,
    stop: Stop,
    *,
    take: Callable[[bytes], object] = len,
    policy: RetryPolicy | None = None,
) -> None:
    """Read a copy to its end and compare it with its manifest, in little memory.

    Args:
        sink: The destination.
        stored: The copy.
        stop: Ends the reading.
        take: Is given every piece as it comes.
        policy: How patient to be if the connection breaks; failures count from zero after each
            piece that came.

    Raises:
        IntegrityError: It is not what its manifest says, the storage can't read it, or it is gone.
        LabferryError: The destination could not be asked.
    """
    manifest = stored.manifest
    digest, size = hashlib.sha256(), 0
    try:
        for piece in _pieces(sink, stored, stop, policy or RetryPolicy()):
            size += len(piece)
            if size > manifest.size:
                break
            digest.update(piece)
            take(piece)
    except NotFoundError as error:
        # Raises where it is the destination itself that is not there, such as a disk.
        next(iter(sink.list()), None)
        raise _failing(sink, stored, f"is gone: {error.message}") from error
    if size != manifest.size:
        amount = "more bytes" if size > manifest.size else f"{size} bytes"
        raise _failing(
            sink, stored, f"is damaged: it has {amount}, not the {manifest.size} of its manifest."
        )
    if digest.hexdigest() != manifest.sha256:
        raise _failing(sink, stored, "is damaged: its SHA-256 is not that of its manifest.")


def read_share(context: RunContext, sink: Sink[Any]) -> Iterator[IntegrityError]:
    """Read back this sync's share of a destination, where its `verify.every` is set.

    Yields what is wrong with a copy; the ledger knows it by then.

    Args:
        context: The run.
        sink: The destination.

    Raises:
        StoppedError: The run is being stopped; what was read until then is noted.
        LabferryError: The destination can't be asked, or the ledger can't be written.
    """
    verify = context.config.destinations[sink.name].settings.verify
    if verify is None or verify.every is None:
        return
    for unread in _share(context, sink, verify.every, verify.budget):
        context.stop.check()
        problem = _read_one(context, sink, unread)
        context.ledger.copies.check(
            sink.name,
            unread.archive_id,
            context.clock.now(),
            Checked.READ_BACK,
            str(problem) if problem else "",
        )
        if problem is not None:
            yield problem


def repair_hint(destination: str, archive_id: str) -> str:
    """What to do about a copy that is not what it should be."""
    return (
        "Nothing was changed. To put a good copy from another destination in its place: "
        f"labferry verify {destination} {archive_id} --repair"
    )


def _share(
    context: RunContext, sink: Sink[Any], every: timedelta, budget: int | None
) -> Sequence[Unread]:
    copies, now = context.ledger.copies, context.clock.now()
    if not copies.has_rounds(sink.name):
        # A ledger that is new has never heard of what is there already.
        for stored in sink.list():
            copies.adopt(sink.name, stored, now)
    rounds = copies.begin_round(sink.name, now, now - max(every, _MEMORY))
    known = [Unread(*row) for row in copies.to_check(sink.name)]
    share = choose_share(known, now, Rule(every, longest_gap(rounds), budget))
    if share:
        _log.info("%s: reading back %d of %d archives", sink.name, len(share), len(known))
    return share


def _read_one(context: RunContext, sink: Sink[Any], unread: Unread) -> IntegrityError | None:
    stored = _stored(context, sink, unread.archive_id)
    if stored is None:
        return IntegrityError(
            f"{sink.name}: {unread.archive_id} is gone, or its manifest is.",
            hint=repair_hint(sink.name, unread.archive_id),
        )
    subject = f"{sink.name}: {unread.archive_id}"
    with context.progress.activity(ActivityKind.VERIFY, subject, unread.size) as activity:
        try:
            read_back(
                *(sink, stored, context.stop),
                take=lambda piece: activity.reach(activity.done + len(piece)),
                policy=context.retry_policy,
            )
        except IntegrityError as error:
            return error
    return None


def _stored(context: RunContext, sink: Sink[Any], archive_id: str) -> StoredArchive | None:
    """A copy, as the ledger knows it; where it does not know the manifest, as it is listed."""
    copies = context.ledger.copies
    copy = copies.get(sink.name, archive_id)
    stored = copies.stored(copy) if copy is not None else None
    if stored is None:
        for listed in sink.list():
            copies.adopt(sink.name, listed, context.clock.now())
            if listed.manifest.archive_id == archive_id:
                stored = listed
    return stored


def _pieces(
    sink: Sink[Any], stored: StoredArchive, stop: Stop, policy: RetryPolicy
) -> Iterator[bytes]:
    """The bytes of a copy; a connection that breaks is taken up again where it broke."""
    offset, failures = 0, 0
    while True:
        try:
            with closing(sink.open(stored, offset)) as file:
                while piece := _read(file, sink, stored):
                    stop.check()
                    offset, failures = offset + len(piece), 0
                    yield piece
        except TransientError as error:
            failures += 1
            pause = policy.pause(failures, error)
            if not policy.allows(failures, 0.0, pause):
                raise
            _log.info("%s: %s Trying again in %g s.", sink.name, redact(str(error)), pause)
            stop.wait(pause)
        else:
            return


def _read(file: Any, sink: Sink[Any], stored: StoredArchive) -> bytes:  # noqa: ANN401 - any reader
    try:
        piece: bytes = file.read(_CHUNK)
    except OSError as error:
        if error.errno in _BAD_MEDIUM:
            raise _failing(sink, stored, f"can't be read: {error.strerror}.") from error
        raise
    return piece


def _failing(sink: Sink[Any], stored: StoredArchive, what: str) -> IntegrityError:
    return IntegrityError(
        f"{sink.name}: {stored.key} {what}",
        hint=repair_hint(sink.name, stored.manifest.archive_id),
    )
