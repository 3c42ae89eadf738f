"""What a draft says of itself: kept as configured, unless a person changed it."""

import logging
from typing import Any

from labferry_zenodo.drafting import read_back
from labferry_zenodo.model import Record, fingerprint
from labferry_zenodo.task import Task

_log = logging.getLogger(__name__)


def described(task: Task, record: Record) -> Record:
    """The draft with its metadata, and with the access that was asked for, read back.

    Raises:
        ConflictError: A person changed who has access.
        RefusedError: The server does not give the access that was asked for.
    """
    document = task.document()
    notes = task.journal.notes
    if is_edited(task, record):
        _log.warning("%s was edited by somebody; that is left as it is", task.link(record))
    elif notes.made and notes.sent != fingerprint(document):
        record = _replaced(task, record, document)
    elif notes.made and notes.echo is None:
        task.journal.note(echo=record.fingerprint)
    if not record.grants(task.settings.access):
        raise task.conflict(record, "has other access than this destination asks for")
    return record


def is_edited(task: Task, record: Record) -> bool:
    """Whether a person changed metadata or access since labferry wrote them, as far as known."""
    notes = task.journal.notes
    return notes.echo is not None and notes.echo != record.fingerprint


def require_own(task: Task, record: Record) -> None:
    """Refuse to publish what a person wrote, or may have written.

    Raises:
        ConflictError: The metadata is not what labferry wrote.
    """
    notes = task.journal.notes
    known = notes.echo == record.fingerprint if notes.echo else _holds(record, task.document())
    if not known:
        raise task.conflict(record, "was edited by somebody and is not published therefore")


def _replaced(task: Task, record: Record, document: dict[str, Any]) -> Record:
    fresh = task.journal.notes.sent is None
    # If the answer is lost, what is found then must not be taken for a person's doing.
    task.journal.note(sent=None, echo=None)
    # Older servers lose the DOI where it is left out.
    pids = {"pids": dict(record.pids)} if record.pids else {}
    replaced, wrong = task.records.replace(record.id, {**document, **pids})
    found = read_back(task, replaced, wrong, fresh=fresh and not task.records.files(record))
    task.journal.note(sent=fingerprint(document), echo=found.fingerprint)
    return found


def _holds(record: Record, document: dict[str, Any]) -> bool:
    """Whether a record says what it shall; servers add to it, such as titles of their words."""
    return _covers(record.metadata, document["metadata"])


def _covers(found: object, wanted: object) -> bool:
    if isinstance(found, dict) and isinstance(wanted, dict):
        return all(name in found and _covers(found[name], each) for name, each in wanted.items())
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_covers, found, wanted))
    return found == wanted
