"""What the server holds, as a test sees it: snapshots, made when they are asked for."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.servers.invenio.contents import Content
from tests.servers.invenio.model import Record, Side


@dataclass(frozen=True)
class StoredFile:
    """One file. ``status`` is ``pending`` or ``completed``; ``md5`` is in hexadecimal."""

    key: str
    status: str
    size: int
    md5: str | None
    source: Content | None

    @property
    def content(self) -> bytes:
        """All of its bytes; not for big files."""
        source = self.source
        return b"".join(source.chunks(0, source.size)) if source else b""


@dataclass(frozen=True)
class StoredRecord:
    """A draft or a published record.

    Attributes:
        published: The record has been published, even if this is a draft that edits it.
        index: Its number in the series, from 1.
        doi: None if there is none; so for ``concept_doi``.
    """

    id: str
    parent_id: str
    owner: str
    published: bool
    index: int
    revision: int
    metadata: Mapping[str, Any]
    access: Mapping[str, Any]
    doi: str | None
    concept_doi: str | None
    files: Mapping[str, StoredFile]

    @property
    def identifiers(self) -> list[str]:
        """The values of its alternate identifiers."""
        return [each["identifier"] for each in self.metadata.get("identifiers", [])]


def stored(record: Record, side: Side) -> StoredRecord:
    """One side of a record."""
    return StoredRecord(
        id=record.id,
        parent_id=record.series.id,
        owner=record.series.owner,
        published=record.published is not None,
        index=record.index,
        revision=record.revision,
        metadata=deepcopy(side.metadata),
        access=deepcopy(side.access),
        doi=side.pids.get("doi", {}).get("identifier"),
        concept_doi=record.series.doi,
        files=_files(record),
    )


def _files(record: Record) -> dict[str, StoredFile]:
    found = {}
    for entry in record.files.values():
        status = "completed" if entry.completed else "pending"
        md5 = entry.content.md5 if entry.content else None
        found[entry.key] = StoredFile(entry.key, status, entry.size, md5, entry.content)
    return found
