"""What the ledger remembers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from labferry.lifecycle import ExportJob
from labferry.sdk import ExportRequest, Receipt, archive_id, archive_key

__all__ = ["Delivery", "DeliveryState", "Export", "Run"]


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
