"""The record of an archive: found where it was begun, else begun. Never twice."""

import logging

from labferry.sdk import (
    AnswerLostError,
    ConflictError,
    LabferryError,
    RefusedError,
    TransientError,
    waiting,
)
from labferry_zenodo.finding import find
from labferry_zenodo.model import Record, fingerprint
from labferry_zenodo.series import Series
from labferry_zenodo.task import Task

_log = logging.getLogger(__name__)
_SEARCH_AFTER = (2.0, 2.0, 4.0)


def found_or_begun(task: Task, series: Series) -> Record:
    """The record that an archive belongs into.

    Raises:
        ConflictError: A person deleted the draft or took its mark away.
    """
    return _noted(task) or _searched(task) or _begun(task, series)


def _noted(task: Task) -> Record | None:
    """The record that the journal names."""
    notes = task.journal.notes
    if notes.draft is None:
        return None
    record = task.records.current(notes.draft)
    if record is None:
        # To nobody, which is what a bad token makes of us, it would look the same.
        task.records.page(size=1)
        task.journal.clear()
        if notes.discarding:
            return None
        raise ConflictError(
            f"The draft {notes.draft} that labferry made for {task.archive.key} was deleted by "
            "somebody else.",
            hint="The next run makes another one. If the archives of this source are not wanted "
            "here, take them out of this destination's syncs.",
        )
    fresh = notes.made and notes.sent is None
    if record.marker != task.marker and not fresh:
        raise task.conflict(record, "no longer bears the identifier that labferry gave it")
    return record


def _searched(task: Task) -> Record | None:
    """The record that bears the mark; where an answer was lost, waited for."""
    lost = task.journal.notes.intent == "draft"
    for pause in (*_SEARCH_AFTER,) if lost else (0.0,):
        waiting.pause(pause)
        found = find(task.records, task.marker, leaving_out=task.journal.notes.abandoned)
        if found:
            return _adopted(task, found[0], made=lost)
    return None


def _adopted(task: Task, record: Record, *, made: bool) -> Record:
    _log.info("%s is found in %s", task.archive.key, task.link(record))
    sent = fingerprint(task.document()) if made else None
    task.journal.note(draft=record.id, made=made, sent=sent)
    return record


def _begun(task: Task, series: Series) -> Record:
    if task.settings.series:
        newest = series.newest(task)
        if newest is not None:
            return series.next_draft(task, newest)
    document = task.document()
    task.journal.note(intent="draft")
    try:
        record, wrong = task.records.create(document)
    except AnswerLostError:
        raise
    except LabferryError:
        # Nothing was made, so there is nothing to look for next time.
        task.journal.clear()
        raise
    task.journal.note(draft=record.id, made=True, sent=fingerprint(document))
    found = read_back(task, record, wrong, fresh=True)
    task.journal.note(echo=found.fingerprint)
    return found


def read_back(task: Task, record: Record, wrong: list[str], *, fresh: bool) -> Record:
    """A draft that was just written, as the server has it.

    Args:
        task: The archive.
        record: The draft, as the answer tells of it.
        wrong: What the answer says is wrong with it.
        fresh: Whether nothing was ever sent to it: then one that is not as it was asked for is
            deleted again.

    Raises:
        TransientError: It is gone.
        RefusedError: Others would have access than those who are meant to.
        ConflictError: The server did not take all of the metadata.
    """
    # Read, not taken from the answer: later readings are compared with this one.
    found = task.records.draft(record.id)
    if found is None:
        raise TransientError(f"The draft {record.id} was gone as soon as it was written.")
    # That files are still missing is no mistake yet.
    wrong = [each for each in wrong if not each.startswith("files")]
    granted = found.grants(task.settings.access)
    if granted and not wrong:
        return found
    if fresh:
        task.discard(record)
    said = f": {'; '.join(wrong)}" if wrong else ""
    if not granted:
        raise RefusedError(
            f"The server does not give the draft of {task.archive.key} the access that was asked "
            f"for{said}. Nothing was sent to it."
        )
    raise ConflictError(
        f"The server does not accept the metadata of {task.archive.key}{said}.",
        hint="Correct the destination's metadata.",
    )
