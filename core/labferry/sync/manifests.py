"""Makes the manifest of one copy of an archive, once the archive is verified."""

from dataclasses import asdict, replace

from typing_extensions import override

from labferry.ledger import Export, Ledger
from labferry.runtime.clock import Clock
from labferry.sdk import (
    MANIFEST_SUFFIX,
    Archive,
    Digests,
    ExportRequest,
    Manifest,
    ManifestDraft,
    ManifestJob,
    ManifestNames,
    ManifestSource,
    StateError,
)
from labferry.sdk.secrets import redact_stored


class CopyManifest(ManifestDraft):
    """The manifest of an export's archive at one destination.

    The ledger keeps what was sealed first, so every run that stores the archive again has the
    same bytes; and it knows which manifest the destination got before.

    Args:
        destination: The destination's name in the configuration.
        export: The export.
        archive: Its archive, as that destination gets it.
        ledger: The ledger.
        clock: The time.
        needs_md5: Whether the destination needs the archive's MD5.
    """

    def __init__(
        self,
        destination: str,
        export: Export,
        archive: Archive,
        ledger: Ledger,
        clock: Clock,
        *,
        needs_md5: bool,
    ) -> None:
        self.key = archive.key + MANIFEST_SUFFIX
        self._destination = destination
        self._export = export
        self._archive = archive
        self._ledger = ledger
        self._clock = clock
        self._needs_md5 = needs_md5

    @override
    def seal(self) -> bytes:
        digests = self._archive.digests()
        if not self._needs_md5:
            digests = replace(digests, md5=None)
        manifest = self.describe(digests)
        return self._ledger.copies.seal(
            self._destination,
            self._export,
            self._archive.key,
            self._clock.now(),
            lambda previous: manifest.model_copy(update={"previous": previous}),
        )

    def describe(self, digests: Digests) -> Manifest:
        """What is to be known of the copy, its place in the destination's chain aside."""
        return manifest_of(self._export, self._archive, digests)


def manifest_of(export: Export, archive: Archive, digests: Digests) -> Manifest:
    """What is to be known of an archive, its place in a destination's chain aside.

    Args:
        export: The export.
        archive: What is stored of it.
        digests: The archive's checksums; an MD5 only where the destination needs one.
    """
    job = export.job
    if job.submitted_at is None or job.completed_at is None:
        raise StateError(f"The ledger does not say when {archive.id} was made.")
    return Manifest(
        labferry_manifest=1,
        archive_id=archive.id,
        file=archive.key.rpartition("/")[2],
        size=archive.size,
        sha256=digests.sha256,
        crc32=f"{digests.crc32:08x}",
        md5=digests.md5,
        download_check=job.download_check,
        source=origin_of(export.source, export.source_type, export.source_url, export.request),
        job=ManifestJob(id=job.server_job, submitted=job.submitted_at, completed=job.completed_at),
    )


def origin_of(name: str, kind: str, url: str, request: ExportRequest) -> ManifestSource:
    """Where an archive comes from, as its manifest says it.

    Args:
        name: The source's name in the configuration.
        kind: Its type.
        url: Its server's address.
        request: The export.
    """
    names = request.names
    return ManifestSource(
        name=name,
        type=kind,
        url=url,
        series=redact_stored(request.series),
        parameters=redact_stored(dict(request.parameters)),
        names=ManifestNames(**redact_stored(asdict(names))) if names else None,
    )
