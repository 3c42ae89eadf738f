"""What is in labferry's records and is no committed archive."""

import re
from collections.abc import Iterator

from labferry.sdk import MANIFEST_SUFFIX, LabferryError, Stray, StrayKind
from labferry.sdk.strays import Found, strays_among
from labferry_zenodo.finding import marked
from labferry_zenodo.model import FileEntry, Record
from labferry_zenodo.records import Records

# The state of a file, not its name, says whether it is being written.
_NO_NAME = re.compile("(?!)")


def uncommitted(records: Records) -> Iterator[Stray]:
    """What is in the account's marked records besides archives with their manifests.

    Records without a mark are not labferry's, and not looked into.
    """
    found: list[Found] = []
    for record, entries in marked(records):
        if _is_unfinished(record, entries):
            key = next((_key(record, name) for name in sorted(entries)), f"record {record.id}")
            yield Stray(StrayKind.UNFINISHED, key, since=record.begun, token=record.id)
        found += [
            Found(_key(record, entry.name), entry.size, record.begun)
            for entry in entries.values()
            if entry.completed
        ]
    keys = {each.key for each in found}
    committed = {key for key in keys if key + MANIFEST_SUFFIX in keys}
    yield from strays_among(found, committed, _NO_NAME)


def remove_unfinished(records: Records, stray: Stray) -> None:
    """Delete a draft that holds nothing finished.

    Raises:
        LabferryError: It is something else, or not labferry's.
    """
    record = records.current(stray.token) if stray.token else None
    if stray.token and record is None:
        return
    if record is None or record.marker is None or not _is_unfinished(record, records.files(record)):
        raise LabferryError(
            f"{stray.key} was not removed: it is no draft that labferry left unfinished.",
            hint="Remove it by hand if it is not needed.",
        )
    records.discard(record.id)


def _is_unfinished(record: Record, entries: dict[str, FileEntry]) -> bool:
    return not record.published and not any(entry.completed for entry in entries.values())


def _key(record: Record, name: str) -> str:
    """The key that a file stands for; the record's id and its name if that is not known."""
    stem = name.removesuffix(MANIFEST_SUFFIX)
    key = record.marker.key(stem) if record.marker else None
    return key + name.removeprefix(stem) if key else f"record {record.id}/{name}"
