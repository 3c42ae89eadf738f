"""The files of a draft: what is there and right is kept, what is missing is sent."""

import hashlib
import io
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

from labferry.sdk import (
    Archive,
    ArchiveReader,
    FullError,
    IntegrityError,
    LabferryError,
    Pacer,
    RefusedError,
    TransientError,
)
from labferry_zenodo.describing import is_edited
from labferry_zenodo.model import FileEntry, Record
from labferry_zenodo.task import Task

_PIECE = 256 << 10
_SMALLEST_PIECE = 1024
_MOST_FILES = 100
_MANIFEST_ROOM = 1 << 20
_TRIES = 3
"""How often a server may fail to remove a file before its draft is given up."""

_log = logging.getLogger(__name__)


def require_room(task: Task) -> None:
    """Refuse what can't fit, before anything is made or sent.

    Raises:
        FullError: The archive is larger than a file or a record may be.
    """
    settings, size = task.settings, task.archive.size
    limits = {
        "a file": settings.max_file_size or settings.room,
        "a record": settings.room - _MANIFEST_ROOM,
    }
    for what, limit in limits.items():
        if size > limit:
            raise FullError(
                f"{task.archive.key} has {size:,} bytes, more than {what} at "
                f"{settings.url} may have ({limit:,}).",
                hint="If the operators have granted more, say so in quota and max_file_size; else "
                "export less at a time.",
            )


class Filling:
    """Brings an archive and its manifest into a draft.

    Args:
        task: The archive.
        record: The draft.
    """

    def __init__(self, task: Task, record: Record) -> None:
        self._task = task
        self._record = record
        self._records = task.records
        self._entries = task.records.files(record)
        self._pacer = Pacer(task.settings.bandwidth_limit)

    def fill(self) -> None:
        """Send what is missing, the manifest last.

        Raises:
            ConflictError: Something else is there under one of the names.
            IntegrityError: The server holds other bytes than it was sent.
        """
        self._require_room()
        archive = self._task.archive
        name, manifest_name = self._task.names
        if not self._holds_archive(name):
            self._make_free(name)
            self._send_archive(name)
        archive.digests()
        document = self._task.manifest.seal()
        md5 = hashlib.md5(document, usedforsecurity=False).hexdigest()
        if not _is_equal(self._entries.get(manifest_name), len(document), md5):
            self._make_free(manifest_name)
            reader = io.BytesIO(document)
            self._send(manifest_name, len(document), self._pieces(reader))
            self._complete(manifest_name, len(document), md5)

    def _require_room(self) -> None:
        """Count what else is in the draft."""
        settings = self._task.settings
        others = [e for e in self._entries.values() if e.name not in self._task.names]
        size = self._task.archive.size + _MANIFEST_ROOM + sum(each.size for each in others)
        if len(others) + len(self._task.names) > _MOST_FILES or size > settings.room:
            raise FullError(
                f"The record {self._task.link(self._record)} has no room for "
                f"{self._task.archive.key}: it holds {len(others)} other files.",
                hint="Remove them by hand.",
            )

    def _holds_archive(self, name: str) -> bool:
        entry = self._entries.get(name)
        if entry is None or not entry.completed or entry.size != self._task.archive.size:
            return False
        return entry.md5 == md5_of(self._task.archive)

    def _make_free(self, name: str) -> None:
        """Remove a file that is not finished or wrong, from a draft that this journal made.

        Bytes that are sent over others keep counting against the quota; and what is sent to a
        finished file is not stored, but deletes it.
        """
        entry = self._entries.get(name)
        if entry is None:
            return
        if not self._task.journal.notes.made:
            state = "another" if entry.completed else "an unfinished"
            raise self._task.conflict(self._record, f"holds {state} {name} that is not known here")
        try:
            self._records.remove_file(self._record, name)
        except LabferryError as error:
            raise self._stuck(name, error) from error

    def _stuck(self, name: str, error: LabferryError) -> LabferryError:
        """What follows from a file of our own draft that the server does not remove."""
        journal, where = self._task.journal, self._task.link(self._record)
        what = f"The server does not remove {name} from the draft {where}: {error.message}"
        journal.note(stuck=journal.notes.stuck + 1)
        if isinstance(error, TransientError) and journal.notes.stuck < _TRIES:
            return TransientError(what, hint=error.hint, retry_after=error.retry_after)
        self._give_up()
        if journal.notes.draft is None:
            return TransientError(f"{what} The draft is discarded; another one is begun.")
        hint = f"Discard that draft by hand: log in, open {where}, and choose Discard."
        if self._task.settings.series:  # a series has room for one draft only
            return RefusedError(what, hint=f"{hint} The next run begins another one.")
        journal.abandon(self._record.id)
        _log.warning("%s %s labferry goes on with another draft.", what, hint)
        return TransientError(f"{what} Another draft is begun.", hint=hint)

    def _send_archive(self, name: str) -> None:
        source = _Source(self._task.archive)
        try:
            with source:
                self._send(name, source.size, self._pieces(source))
                # Nothing is completed before the archive is verified.
                md5 = source.md5()
        except BaseException:
            if source.failed:
                self._give_up()
            raise
        self._complete(name, source.size, md5)

    def _send(self, name: str, size: int, pieces: Iterator[bytes]) -> None:
        self._records.register(self._record, name)
        self._records.upload(self._record, name, size, pieces)

    def _complete(self, name: str, size: int, md5: str) -> None:
        """Complete a file and compare what the server has: a success alone means nothing."""
        self._records.commit(self._record, name)
        entry = self._records.file(self._record, name)
        if entry is None or not entry.completed:
            raise TransientError(f"{name} is not in {self._record.id} although it was stored.")
        if not _is_equal(entry, size, md5):
            left = f"They are still in {self._task.link(self._record)}."
            with suppress(LabferryError):  # the next store tries again, and says why it can't
                self._records.remove_file(self._record, name)
                left = "They were deleted again."
            raise IntegrityError(
                f"The server had {entry.size} bytes with the MD5 {entry.md5} of {name}, not the "
                f"{size} bytes with {md5} that were sent. {left}"
            )

    def _give_up(self) -> None:
        """Delete the draft of an archive that can't be had, unless there is more in it."""
        own = self._task.journal.notes.made and set(self._entries) <= set(self._task.names)
        with suppress(LabferryError):
            record = self._records.draft(self._record.id) if own else None
            if record is not None and not is_edited(self._task, record):
                self._task.discard(record)

    def _pieces(self, source: "ArchiveReader | io.BytesIO | _Source") -> Iterator[bytes]:
        rate = self._task.settings.bandwidth_limit
        size = _PIECE if rate is None else max(_SMALLEST_PIECE, min(_PIECE, rate // 8))
        while piece := source.read(size):
            self._pacer.take(len(piece))
            yield piece


class _Source:
    """An archive that is read; remembers whether a failure was the archive's own."""

    def __init__(self, archive: Archive) -> None:
        self.size = archive.size
        self.failed = False
        self._archive = archive
        self._reader: ArchiveReader | None = None

    def __enter__(self) -> Self:
        self._reader = self._archive.open()
        return self

    def __exit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.close()

    def read(self, size: int) -> bytes:
        """The next bytes."""
        try:
            return self._reader.read(size) if self._reader else b""
        except BaseException:
            self.failed = True
            raise

    def md5(self) -> str:
        """The MD5 of all of it, once it is verified."""
        try:
            return md5_of(self._archive)
        except BaseException:
            self.failed = True
            raise


def md5_of(archive: Archive) -> str:
    """The MD5 of an archive, once it is verified.

    Raises:
        IntegrityError: It was refused; or nobody computed one.
    """
    md5 = archive.digests().md5
    if md5 is None:
        raise IntegrityError(f"There is no MD5 of {archive.id}, by which servers compare.")
    return md5


def _is_equal(entry: FileEntry | None, size: int, md5: str) -> bool:
    return entry is not None and entry.completed and (entry.size, entry.md5) == (size, md5)
