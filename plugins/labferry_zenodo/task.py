"""One archive on its way into a record: what all steps have to know."""

from dataclasses import dataclass
from typing import Any

from labferry.sdk import Archive, ConflictError, ManifestDraft
from labferry_zenodo.journal import Journal
from labferry_zenodo.marker import Marker, file_name
from labferry_zenodo.model import Record
from labferry_zenodo.records import Records
from labferry_zenodo.settings import ZenodoSettings


def link(base: str, record: Record) -> str:
    """Where people find a record. Made here, not taken from an answer."""
    return f"{base}/{'records' if record.published else 'uploads'}/{record.id}"


@dataclass(frozen=True)
class Task:
    """One archive, where it goes, and what is known of it.

    Attributes:
        settings: The destination's.
        records: The account.
        archive: The archive.
        manifest: Its manifest.
        journal: What was done so far.
    """

    settings: ZenodoSettings
    records: Records
    archive: Archive
    manifest: ManifestDraft
    journal: Journal

    @property
    def marker(self) -> Marker:
        """The mark of its record."""
        return Marker.of(self.archive.key)

    @property
    def names(self) -> tuple[str, str]:
        """What the archive and its manifest are called in the record."""
        return file_name(self.archive.key), file_name(self.manifest.key)

    def document(self) -> dict[str, Any]:
        """What the record shall say of itself, and who shall see it."""
        settings, archive = self.settings, self.archive
        metadata = settings.metadata.document(archive.source, archive.id, settings.publisher)
        metadata["identifiers"] = [{"identifier": str(self.marker), "scheme": "other"}]
        if settings.series:
            metadata["version"] = self.archive.id
        return {
            "metadata": metadata,
            "access": settings.access.model_dump(),
            "files": {"enabled": True},
        }

    def link(self, record: Record) -> str:
        """Where people find a record."""
        return link(self.settings.url, record)

    def conflict(self, record: Record, what: str) -> ConflictError:
        """A person did something that is not labferry's to undo."""
        return ConflictError(
            f"The record {self.link(record)} of {self.archive.key} {what}.",
            hint="labferry leaves it as it is. Publish or delete it by hand, or undo the change.",
        )

    def discard(self, record: Record) -> None:
        """Delete a draft that this journal made."""
        self.journal.note(discarding=True)
        self.records.discard(record.id)
        self.journal.clear()
