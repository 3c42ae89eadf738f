"""Finding records by their mark, and the archives in them."""

import logging
from collections.abc import Collection, Iterator

from labferry.sdk import (
    MANIFEST_SUFFIX,
    InvalidAnswerError,
    Manifest,
    NotFoundError,
    StoredArchive,
    check_key,
)
from labferry_zenodo.marker import Marker
from labferry_zenodo.model import FileEntry, Record
from labferry_zenodo.records import Records

_log = logging.getLogger(__name__)
_MANIFEST_LIMIT = 1 << 20


def find(records: Records, marker: Marker, *, leaving_out: Collection[str] = ()) -> list[Record]:
    """The records that bear a mark, published ones first, then the oldest.

    The index may be behind, and takes a query that it can't read for any of its words: so each hit
    is read anew, and its mark compared.

    Args:
        records: The account.
        marker: The mark.
        leaving_out: The ids of records that don't count.
    """
    query = f'metadata.identifiers.identifier:"{marker}"'
    hits = {hit.id for hit in records.mine(query) if hit.marker == marker} - {*leaving_out}
    found = [record for hit in sorted(hits) if (record := records.current(hit)) is not None]
    mine = [record for record in found if record.marker == marker]
    if len(mine) > 1:
        _log.warning("%s is in several records: %s", marker, ", ".join(each.id for each in mine))
    return sorted(mine, key=lambda each: (not each.published, each.created, each.id))


def locate(records: Records, key: str, identity: str | None) -> Record | None:
    """The record of an archive; None if there is none (any more).

    Args:
        records: The account.
        key: The archive's key.
        identity: The record's id, where it is known.
    """
    marker = Marker.of(check_key(key))
    if identity is None:
        return next(iter(find(records, marker)), None)
    record = records.current(identity)
    return record if record is not None and record.marker == marker else None


def committed_archives(records: Records) -> Iterator[StoredArchive]:
    """Every archive with its manifest, in drafts and in published records."""
    seen: set[str] = set()
    for record, entries in marked(records):
        for key, archive in _archives(record, entries):
            manifest = _manifest(records, record, entries.get(archive.name + MANIFEST_SUFFIX))
            if manifest is None:
                continue
            if key in seen:
                _log.warning("%s is left out: another record has %s, too", record.id, key)
                continue
            seen.add(key)
            yield StoredArchive(key, archive.size, manifest, version_id=record.id)


def committed_archive(records: Records, key: str, identity: str | None) -> StoredArchive | None:
    """One archive with its manifest; the arguments are those of `locate`."""
    record = locate(records, key, identity)
    if record is None:
        return None
    entries = records.files(record)
    archive = dict(_archives(record, entries)).get(key)
    if archive is None:
        return None
    manifest = _manifest(records, record, entries.get(archive.name + MANIFEST_SUFFIX))
    if manifest is None:
        return None
    return StoredArchive(key, archive.size, manifest, version_id=record.id)


def marked(records: Records) -> Iterator[tuple[Record, dict[str, FileEntry]]]:
    """All records with a mark, and their files as they are now."""
    for hit in records.mine():
        if hit.marker is None:
            continue
        try:
            yield hit, records.files(hit)
        except NotFoundError:
            # Deleted or published since it was indexed.
            record = records.current(hit.id)
            if record is not None and record.marker == hit.marker:
                yield record, records.files(record)


def _archives(record: Record, entries: dict[str, FileEntry]) -> Iterator[tuple[str, FileEntry]]:
    for name, entry in entries.items():
        key = record.marker.key(name) if record.marker and entry.completed else None
        if key is not None:
            yield key, entry


def _manifest(records: Records, record: Record, entry: FileEntry | None) -> Manifest | None:
    if entry is None or not entry.completed or entry.size > _MANIFEST_LIMIT:
        return None
    try:
        document = records.read(record, entry.name, _MANIFEST_LIMIT)
        return Manifest.from_json(document, where=f"{entry.name} in {record.id}")
    except (InvalidAnswerError, NotFoundError) as error:
        _log.warning("%s is left out: %s", record.id, error)
        return None
