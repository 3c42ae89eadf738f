"""Reading back a sync's share of what a destination has stored."""

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from labferry.copies.query import committed, repair_hint
from labferry.copies.reader import read_copy
from labferry.runtime.progress import ActivityKind
from labferry.sdk import Checked, IntegrityError, Sink, StoredArchive
from labferry.sync.context import RunContext
from labferry.sync.verify_schedule import Rule, Unread, choose_share, longest_gap

_log = logging.getLogger(__name__)
_MEMORY = timedelta(days=2)
"""For how long at least it is known when syncs were: long enough to tell how often they are."""


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


def _share(
    context: RunContext, sink: Sink[Any], every: timedelta, budget: int | None
) -> Sequence[Unread]:
    copies, now = context.ledger.copies, context.clock.now()
    if not copies.has_learnt(sink.name):
        # A ledger that is new has never heard of what is there already.
        copies.learn(sink.name, committed(sink), now)
    rounds = copies.begin_round(sink.name, now, now - max(every, _MEMORY))
    known = [
        Unread(archive_id, size, since) for archive_id, size, since in copies.to_check(sink.name)
    ]
    share = choose_share(known, now, Rule(every, longest_gap(rounds), budget))
    if share:
        _log.info("%s: reading back %d of %d archives", sink.name, len(share), len(known))
    return share


def _read_one(context: RunContext, sink: Sink[Any], unread: Unread) -> IntegrityError | None:
    stored = _stored(context, sink, unread.archive_id)
    if stored is None:
        return IntegrityError(
            f"{sink.name}: {unread.archive_id} is gone, or its manifest is gone or another one.",
            hint=repair_hint(sink.name, unread.archive_id),
        )
    subject = f"{sink.name}: {unread.archive_id}"
    with context.progress.activity(ActivityKind.VERIFY, subject, unread.size) as activity:
        try:
            read_copy(
                sink,
                stored,
                context.stop,
                reached=activity.reach,
                policy=context.retry_policy,
            )
        except IntegrityError as error:
            hint = repair_hint(sink.name, unread.archive_id)
            return IntegrityError(f"{sink.name}: {error.message}", hint=hint)
    return None


def _stored(context: RunContext, sink: Sink[Any], archive_id: str) -> StoredArchive | None:
    """A copy, as the ledger knows it; if it lacks the manifest, as listed under the same key.

    None if what is listed there is not what was stored.
    """
    copies = context.ledger.copies
    copy = copies.get(sink.name, archive_id)
    stored = copies.stored(copy) if copy is not None else None
    if copy is not None and stored is None:
        for listed in committed(sink):
            if copy.is_of(listed):
                copies.adopt(sink.name, listed, context.clock.now())
                stored = listed
    return stored
