"""Publishing: once, when everything was read again, and found out about, not repeated."""

import hashlib
import logging
import time

from labferry.sdk import AnswerLostError, IntegrityError, TransientError, waiting
from labferry_zenodo.answers import Answer, judge
from labferry_zenodo.describing import require_own
from labferry_zenodo.filling import md5_of
from labferry_zenodo.model import Record
from labferry_zenodo.task import Task

_log = logging.getLogger(__name__)
_LOOK_AFTER = (0.0, 2.0, 4.0)
_UNCLEAR_SECONDS = 600.0
_LOOK_AGAIN = 60.0
_REFUSED = frozenset({400, 401, 403, 405, 406, 415, 422, 429})


def published(task: Task, record: Record) -> Record:
    """Publish a draft.

    Raises:
        AnswerLostError: It is not known whether it is published. The next attempt looks again,
            and asks a second time only long after the first.
        ConflictError: A person changed something about it.
    """
    _require_publishable(task, record.id)
    _require_patience(task)
    task.journal.note(publishing=time.time())
    try:
        answer: Answer | None = task.records.publish(record.id)
    except AnswerLostError as error:
        _log.warning("%s: %s", task.link(record), error)
        answer = None
    except TransientError:
        # It never went out.
        task.journal.note(publishing=None)
        raise
    done = _looked_up(task, record.id, answer)
    require_files(task, done)
    task.journal.note(doi=done.doi)
    return done


def require_files(task: Task, record: Record) -> None:
    """Make sure that a record holds the archive and its manifest, and that they agree.

    Raises:
        ConflictError: Another file is there under one of the names, or one is missing.
    """
    entries = task.records.files(record)
    document = task.manifest.seal()
    name, manifest_name = task.names
    archive, manifest = entries.get(name), entries.get(manifest_name)
    wanted = [(task.archive.size, md5_of(task.archive)), (len(document), _md5(document))]
    found = [(e.size, e.md5) if e and e.completed else None for e in (archive, manifest)]
    if found != wanted:
        raise task.conflict(record, "does not hold the archive and its manifest as they are")


def _require_publishable(task: Task, identity: str) -> None:
    """Read everything again, now that it is about to become final."""
    draft = task.records.draft(identity)
    if draft is None or draft.published or draft.marker != task.marker:
        raise TransientError(f"The draft {identity} is not what it was a moment ago.")
    if not draft.grants(task.settings.access):
        raise task.conflict(draft, "has other access than this destination asks for")
    require_own(task, draft)
    require_files(task, draft)
    others = set(task.records.files(draft)) - set(task.names)
    if others:
        raise task.conflict(draft, f"holds files that are not labferry's: {', '.join(others)}")


def _require_patience(task: Task) -> None:
    """Leave a server alone that may still be at it."""
    asked = task.journal.notes.publishing
    left = asked + _UNCLEAR_SECONDS - time.time() if asked else 0.0
    if left > 0:
        raise TransientError(
            f"Whether {task.archive.key} is published is not known yet; the server was asked "
            "and did not say.",
            retry_after=min(left, _LOOK_AGAIN),
        )


def _looked_up(task: Task, identity: str, answer: Answer | None) -> Record:
    """What became of it, from the record itself, whatever the answer was."""
    refused = answer is not None and answer.status in _REFUSED
    for pause in (0.0,) if refused else _LOOK_AFTER:
        waiting.pause(pause)
        record = task.records.published(identity)
        if record is not None:
            return _confirmed(task, record)
    if answer is not None and refused:
        task.journal.note(publishing=None)
        raise judge(answer, f"Publishing {identity}")
    raise AnswerLostError(
        f"Whether {identity} is published is not known: the server did not say, and does not "
        "show it yet."
    )


def _confirmed(task: Task, record: Record) -> Record:
    if not record.grants(task.settings.access):
        raise IntegrityError(
            f"{task.link(record)} was published with other access than the draft had.",
            hint="Restrict it by hand, at once.",
        )
    return record


def _md5(document: bytes) -> str:
    return hashlib.md5(document, usedforsecurity=False).hexdigest()
