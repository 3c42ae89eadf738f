"""Makes the manifest of an archive once it is verified."""

from typing_extensions import override

from labferry.ledger import Export
from labferry.sdk import (
    MANIFEST_SUFFIX,
    Archive,
    Digests,
    Manifest,
    ManifestDraft,
    ManifestJob,
    ManifestSource,
    StateError,
)

__all__ = ["ExportManifest"]


class ExportManifest(ManifestDraft):
    """The manifest of an export's archive.

    Made only of what the ledger keeps, so that every run which stores the archive again makes
    the same bytes.

    Args:
        export: The export.
        archive: Its archive.
    """

    def __init__(self, export: Export, archive: Archive) -> None:
        self.key = archive.key + MANIFEST_SUFFIX
        self._export = export
        self._archive = archive

    @override
    def seal(self) -> bytes:
        return _manifest(self._export, self._archive, self._archive.digests()).to_json()


def _manifest(export: Export, archive: Archive, digests: Digests) -> Manifest:
    job = export.job
    if job.submitted_at is None or job.completed_at is None:
        raise StateError(f"The ledger does not say when {archive.id} was made.")
    return Manifest(
        labferry_manifest=1,
        archive_id=archive.id,
        file=archive.key.rsplit("/", 1)[-1],
        size=archive.size,
        sha256=digests.sha256,
        crc32=f"{digests.crc32:08x}",
        source=ManifestSource(
            name=export.source,
            type=export.source_type,
            url=export.source_url,
            series=export.request.series,
            parameters=dict(export.request.parameters),
        ),
        job=ManifestJob(id=job.server_job, submitted=job.submitted_at, completed=job.completed_at),
    )
