"""What the ledger remembers."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from labferry.lifecycle import ExportJob
from labferry.sdk import ExportRequest, Receipt, StoredArchive, archive_id, archive_key


@dataclass(frozen=True, slots=True)
class Run:
    """One `labferry sync`.

    Attributes:
        id: Its number.
        started_at: When it began, UTC.
        ended_at: When it ended, UTC; None while it is at work, or where it was killed.
        exit_code: What it exited with.
    """

    id: int
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Export:
    """One export job of ours: what was asked for, of whom, and how far it is.

    Attributes:
        id: Its number in the ledger.
        run: The run that has to answer for it: the one that planned it, or took it over.
        source: The source's name in the configuration.
        source_type: What kind of source it was when the export was planned.
        source_url: Its server's address then.
        lane: The lane in which it is asked for.
        request: What is asked for.
        job: How far it is.
    """

    id: int
    run: int
    source: str
    source_type: str
    source_url: str
    lane: str
    request: ExportRequest
    job: ExportJob

    @property
    def archive_id(self) -> str | None:
        """The archive's name, once it is on offer."""
        if self.job.submitted_at is None or self.job.offer is None:
            return None
        return archive_id(self.job.submitted_at, self.source, self.job.server_job or f"e{self.id}")

    @property
    def archive_key(self) -> str | None:
        """Where destinations keep the archive, once it is on offer."""
        identity = self.archive_id
        if identity is None or self.job.submitted_at is None or self.job.offer is None:
            return None
        return archive_key(identity, self.source, self.job.submitted_at, self.job.offer.suffix)


class DeliveryState(StrEnum):
    """How far one archive is on its way to one destination."""

    PENDING = "pending"
    STORED = "stored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One archive on its way to one destination.

    Attributes:
        export: The export's number.
        destination: The destination's name in the configuration.
        state: How far it is.
        reason: Why it failed.
        exit_code: The exit code that the failure leads to.
        receipt: What the sink returned, once stored.
    """

    export: int
    destination: str
    state: DeliveryState = DeliveryState.PENDING
    reason: str = ""
    exit_code: int = 0
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """One archive at one destination. All times are UTC.

    Attributes:
        destination: The destination's name in the configuration.
        archive_id: The archive.
        source: The source's name in the configuration.
        series: What was exported.
        key: Where it is.
        size: Its size in bytes, as it is stored.
        sha256: The SHA-256 of what is stored.
        version_id: The storage's own version of the object, if it keeps versions.
        submitted_at: When the export was asked for.
        manifest: The SHA-256 of its manifest; None where only an older labferry knew that.
        previous: The SHA-256 of the manifest committed before it there, which its own names.
        place: How many copies had been committed there with this one; None where it is not.
        stored_at: When it was committed, or found there by a ledger that had never heard of it.
        checked: How it was made sure of last.
        checked_at: When it was last read back, whatever came of it.
        verified_at: When it was last read back and found right.
        problem: What is wrong with it, since the last look; empty where nothing is.
        removing_at: When retention began to remove it.
        removed_at: When that was done.
        download_check: How well it could be checked when it came from its server; None where an
            older labferry did not say.
        away_since: When the destination was found to be another medium, without this copy.
    """

    destination: str
    archive_id: str
    source: str
    series: str
    key: str
    size: int
    sha256: str
    version_id: str | None
    submitted_at: datetime
    manifest: str | None
    previous: str | None
    place: int | None
    stored_at: datetime | None
    checked: str | None
    checked_at: datetime | None
    verified_at: datetime | None
    problem: str
    removing_at: datetime | None
    removed_at: datetime | None
    download_check: str | None
    away_since: datetime | None = None

    @property
    def is_present(self) -> bool:
        """Whether it ought to be there."""
        is_stored = self.stored_at is not None and self.removing_at is None
        return is_stored and self.away_since is None

    def is_of(self, stored: StoredArchive) -> bool:
        """Whether what a destination lists is what was stored there, by all that manifests say."""
        same = (self.key, self.size, self.sha256) == (
            stored.key,
            stored.manifest.size,
            stored.manifest.sha256,
        )
        if not same or self.removed_at is not None:
            return False
        digest = hashlib.sha256(stored.manifest.to_json()).hexdigest()
        return self.manifest in {None, digest}
