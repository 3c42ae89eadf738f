"""What a destination of type `zenodo` does, in an account on a server."""

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from labferry.sdk import (
    MANIFEST_SUFFIX,
    Archive,
    Checked,
    Checkpoint,
    Finding,
    IntegrityError,
    ManifestDraft,
    NotFoundError,
    Receipt,
    RefusedError,
    StoredArchive,
    Stray,
    check_key,
)
from labferry_zenodo.client import Client
from labferry_zenodo.finding import committed_archive, committed_archives, locate
from labferry_zenodo.journal import Journal
from labferry_zenodo.marker import file_name
from labferry_zenodo.model import FileEntry, Record
from labferry_zenodo.preflight import findings
from labferry_zenodo.reading import ContentReader
from labferry_zenodo.records import Records
from labferry_zenodo.series import Series
from labferry_zenodo.settings import ZenodoSettings
from labferry_zenodo.storing import store
from labferry_zenodo.strays import remove_unfinished, uncommitted
from labferry_zenodo.task import Task, link

_READ_AHEAD = 256 << 10
_FINAL = "Published records stay: the server lets nobody delete them through its API"


class Account:
    """The records in an account. The methods are those of `Sink`.

    Args:
        name: The destination's name.
        settings: Its settings.
    """

    def __init__(self, name: str, settings: ZenodoSettings) -> None:
        self.name = name
        self.settings = settings
        self.client = Client(settings)
        self.records = Records(self.client)
        self._series = Series()

    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        """Store an archive in a record of its own."""
        journal = Journal(checkpoint, self.settings.url, archive.key)
        task = Task(self.settings, self.records, archive, manifest, journal)
        return store(task, self._series, self.name)

    def list(self) -> Iterator[StoredArchive]:
        """The archives whose records are complete."""
        return committed_archives(self.records)

    def find(self, key: str, identity: str | None) -> StoredArchive | None:
        """One archive, if its record is complete."""
        return committed_archive(self.records, key, identity)

    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        """Read an archive."""
        record, entry = self._held(stored)
        path = self.records.files_path(record, entry.name, "content")
        reader = ContentReader(self.client, path, entry.name, entry.size, offset)
        return cast("BinaryIO", io.BufferedReader(reader, _READ_AHEAD))

    def delete(self, stored: StoredArchive) -> None:
        """Discard an archive's draft."""
        record = locate(self.records, stored.key, stored.version_id)
        if record is None:
            return
        where = link(self.settings.url, record)
        if record.published:
            raise RefusedError(f"{where} is not removed. {_FINAL}.")
        name = file_name(stored.key)
        others = self.records.files(record).keys() - {name, name + MANIFEST_SUFFIX}
        if others:
            raise RefusedError(
                f"{where} is not removed: somebody put other files there ({', '.join(others)}).",
                hint="Remove them, or the draft, by hand.",
            )
        self.records.discard(record.id)

    def check(self) -> Iterator[Finding]:
        """Make, fill and discard a draft."""
        return findings(self.settings, self.records)

    def quick_check(self, stored: StoredArchive) -> Checked:
        """Compare the size and the MD5 that the server computed with those of the manifest."""
        _, entry = self._held(stored)
        manifest = stored.manifest
        if entry.size != manifest.size:
            raise IntegrityError(
                f"{stored.key} in {self.name} has {entry.size} bytes, not the {manifest.size} of "
                "its manifest."
            )
        if manifest.md5 is None or entry.md5 is None:
            return Checked.SIZE
        if entry.md5 != manifest.md5:
            raise IntegrityError(
                f"{stored.key} in {self.name} has the MD5 {entry.md5}, not the {manifest.md5} of "
                "its manifest."
            )
        return Checked.STORE_CHECKSUM

    def hold(self, stored: StoredArchive) -> str:
        """Why an archive can't be removed; empty where it can."""
        record = locate(self.records, stored.key, stored.version_id)
        return f"{_FINAL}." if record is not None and record.published else ""

    def strays(self) -> Iterator[Stray]:
        """Drafts that no archive came of."""
        return uncommitted(self.records)

    def remove_stray(self, stray: Stray) -> None:
        """Discard such a draft."""
        remove_unfinished(self.records, stray)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()

    def _held(self, stored: StoredArchive) -> tuple[Record, FileEntry]:
        """The record and the file of an archive as they are now."""
        name = file_name(check_key(stored.key))
        record = locate(self.records, stored.key, stored.version_id)
        entry = self.records.file(record, name) if record is not None else None
        if record is None or entry is None or not entry.completed:
            raise NotFoundError(f"{stored.key} is not in {self.name} any more.")
        return record, entry
