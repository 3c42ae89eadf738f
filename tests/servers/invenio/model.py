"""What the server holds: series of records, their drafts and published sides, their files."""

from dataclasses import dataclass, field
from typing import Any

from tests.servers.invenio.contents import Content


@dataclass
class Entry:
    """A file of a record.

    Attributes:
        content: None until bytes came.
        wasted: Bytes of contents that were replaced; they count against the quota.
        busy: An upload is under way.
    """

    key: str
    content: Content | None = None
    completed: bool = False
    wasted: int = 0
    busy: bool = False

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.content.size if self.content else 0

    @property
    def checksum(self) -> str | None:
        """As the API shows it, once the file is committed."""
        return f"md5:{self.content.md5}" if self.content and self.completed else None


@dataclass
class Side:
    """A draft, or what is published: the part of a record that people write."""

    metadata: dict[str, Any]
    access: dict[str, Any]
    pids: dict[str, Any] = field(default_factory=dict)
    files_enabled: bool = True
    errors: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Record:
    """One version. It has a draft, a published side, or while it is edited both.

    Attributes:
        index: Its number in the series, from 1.
        removed: Its owner or the staff deleted the published record; a tombstone stays.
    """

    id: str
    series: "Series"
    created: float
    index: int
    draft: Side | None
    published: Side | None = None
    files: dict[str, Entry] = field(default_factory=dict)
    revision: int = 1
    updated: float = 0.0
    removed: bool = False

    @property
    def side(self) -> Side:
        """The draft if there is one, else what is published."""
        side = self.draft or self.published
        if side is None:
            raise LookupError(f"record {self.id} has neither a draft nor anything published")
        return side

    @property
    def used(self) -> int:
        """Bytes that count against the quota."""
        return sum(entry.size + entry.wasted for entry in self.files.values())

    @property
    def pending(self) -> list[str]:
        """Keys of files that are not committed."""
        return [entry.key for entry in self.files.values() if not entry.completed]


@dataclass
class Series:
    """All versions of one thing, under one concept DOI."""

    id: str
    owner: str
    doi: str | None = None
    records: list[Record] = field(default_factory=list)

    @property
    def latest(self) -> Record | None:
        """The newest published version."""
        published = [record for record in self.records if record.published and not record.removed]
        return max(published, key=lambda record: record.index, default=None)

    @property
    def next_draft(self) -> Record | None:
        """The draft of a version that was never published, the oldest if there are several."""
        return next((record for record in self.records if record.published is None), None)

    @property
    def newest(self) -> Record:
        """The newest version, published or not."""
        return max(self.records, key=lambda record: record.index)
