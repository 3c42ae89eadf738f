"""An account on Zenodo or another InvenioRDM as a destination."""

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from typing_extensions import override

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
    Sink,
    SinkTraits,
    StoredArchive,
    Stray,
    check_key,
)
from labferry_zenodo.client import Client
from labferry_zenodo.finding import committed_archives, locate
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

__all__ = ["ZenodoSink"]

_READ_AHEAD = 256 << 10
_FINAL = "Published records stay: the server lets nobody delete them through its API"


class ZenodoSink(Sink[ZenodoSettings]):
    """Keeps each archive, with its manifest, in a record of its own.

    The record is a draft. Only where the settings say so it is published, once everything in it
    was read back and agrees, and then it can't be changed or deleted any more.
    """

    type = "zenodo"
    Settings = ZenodoSettings
    traits = SinkTraits(needs_md5=True)

    def __init__(self, name: str, settings: ZenodoSettings) -> None:
        super().__init__(name, settings)
        self.traits = SinkTraits(can_delete=not settings.publish, needs_md5=True)
        self._client = Client(settings)
        self._records = Records(self._client)
        self._series = Series()

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        journal = Journal(checkpoint, self.settings.url, archive.key)
        task = Task(self.settings, self._records, archive, manifest, journal)
        return store(task, self._series, self.name)

    @override
    def list(self) -> Iterator[StoredArchive]:
        return committed_archives(self._records)

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        record, entry = self._held(stored)
        path = self._records.files_path(record, entry.name, "content")
        reader = ContentReader(self._client, path, entry.name, entry.size, offset)
        return cast("BinaryIO", io.BufferedReader(reader, _READ_AHEAD))

    @override
    def delete(self, stored: StoredArchive) -> None:
        record = locate(self._records, stored.key, stored.version_id)
        if record is None:
            return
        where = link(self.settings.url, record)
        if record.published:
            raise RefusedError(f"{where} is not removed. {_FINAL}.")
        name = file_name(stored.key)
        others = self._records.files(record).keys() - {name, name + MANIFEST_SUFFIX}
        if others:
            raise RefusedError(
                f"{where} is not removed: somebody put other files there ({', '.join(others)}).",
                hint="Remove them, or the draft, by hand.",
            )
        self._records.discard(record.id)

    @override
    def check(self) -> Iterator[Finding]:
        return findings(self.settings, self._records)

    @override
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

    @override
    def hold(self, stored: StoredArchive) -> str:
        record = locate(self._records, stored.key, stored.version_id)
        return f"{_FINAL}." if record is not None and record.published else ""

    @override
    def strays(self) -> Iterator[Stray]:
        return uncommitted(self._records)

    @override
    def remove_stray(self, stray: Stray) -> None:
        remove_unfinished(self._records, stray)

    @override
    def close(self) -> None:
        self._client.close()

    def _held(self, stored: StoredArchive) -> tuple[Record, FileEntry]:
        """The record and the file of an archive as they are now."""
        name = file_name(check_key(stored.key))
        record = locate(self._records, stored.key, stored.version_id)
        entry = self._records.file(record, name) if record is not None else None
        if record is None or entry is None or not entry.completed:
            raise NotFoundError(f"{stored.key} is not in {self.name} any more.")
        return record, entry
