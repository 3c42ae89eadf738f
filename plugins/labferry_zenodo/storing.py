"""Storing one archive, step by step. Each step can be the first one of another attempt."""

import logging

from labferry.sdk import Checked, Receipt, check_key
from labferry_zenodo.describing import described
from labferry_zenodo.drafting import found_or_begun
from labferry_zenodo.filling import Filling, require_room
from labferry_zenodo.locking import only_writer
from labferry_zenodo.marker import series_of
from labferry_zenodo.model import Record
from labferry_zenodo.publishing import published, require_files
from labferry_zenodo.series import Series
from labferry_zenodo.task import Task

_log = logging.getLogger(__name__)


def store(task: Task, series: Series, destination: str) -> Receipt:
    """Store an archive and its manifest in a record.

    Args:
        task: The archive.
        series: What is known of series.
        destination: The destination's name.
    """
    key = check_key(task.archive.key)
    check_key(task.manifest.key)
    require_room(task)
    with only_writer(*_writing(task)):
        record = _stored(task, series)
    return Receipt(
        destination=destination,
        archive_id=task.archive.id,
        key=key,
        size=task.archive.size,
        checked=Checked.STORE_CHECKSUM,
        url=task.link(record),
        version_id=record.id,
    )


def _writing(task: Task) -> tuple[str, str]:
    """What nobody else may write meanwhile: in a series, all of it."""
    key, url = task.archive.key, task.settings.url
    if task.settings.series:
        return f"{url} series {series_of(key)}", f"The series of {task.archive.source} at {url}"
    return f"{url} archive {key}", f"{key} at {url}"


def _stored(task: Task, series: Series) -> Record:
    record = found_or_begun(task, series)
    if not record.published:
        record = described(task, record)
        Filling(task, record).fill()
        if task.settings.publish:
            record = published(task, record)
            series.remember(record)
            return record
    else:
        _note_published(task, record, series)
    require_files(task, record)
    return record


def _note_published(task: Task, record: Record, series: Series) -> None:
    """The record was published earlier: by labferry, or by somebody who saw the draft."""
    if task.settings.series:
        series.remember(record)
    if not task.settings.publish:
        _log.warning("%s was published by somebody", task.link(record))
    if not record.grants(task.settings.access):
        _log.warning("%s has other access than is asked for", task.link(record))
