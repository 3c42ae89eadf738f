"""An export job as the lifecycle sees it, and how patient to be with it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from labferry.sdk.archive import Digests, DownloadCheck
from labferry.sdk.settings import JsonValue
from labferry.sdk.source import Contents, JobState, JobStatus, Offer


class Phase(StrEnum):
    """How far an export job is."""

    PLANNED = "planned"
    SUBMITTING = "submitting"
    UNCERTAIN = "uncertain"
    RUNNING = "running"
    COMPLETED = "completed"
    VERIFIED = "verified"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self in {Phase.DONE, Phase.UNCHANGED, Phase.FAILED}


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient to be.

    Attributes:
        poll_interval: Seconds between two questions about a job, at most; the first come sooner.
        job_timeout: Seconds that a job, or waiting for the server's slot, may take.
        deadline: When this run stops waiting.
        patience: Seconds that the server may stay out of reach, before the run leaves the job;
            None for no limit but the deadline.
        max_broken: Answers in a row that say nothing but "internal error", before the export
            counts as failed. RSpace reports a failed export in just this way.
        max_losses: Submissions whose answer was lost, before giving up.
        max_corrupted: Downloads that don't match their checksum, before the archive is refused.
        max_gone: Downloads that find nothing, before the archive counts as expired.
        max_renewals: New exports in place of an expired archive, or of a job that the server does
            not know any more.
        require_digest: Whether an archive without a declared digest is refused.
        can_find: Whether the source can look for a job whose submission got no answer.
        can_release: Whether the source can have the server remove a job that is over.
    """

    poll_interval: float = 60.0
    job_timeout: float = 86_400.0
    deadline: datetime | None = None
    patience: float | None = 7200.0
    max_broken: int = 5
    max_losses: int = 3
    max_corrupted: int = 3
    max_gone: int = 3
    max_renewals: int = 1
    require_digest: bool = False
    can_find: bool = False
    can_release: bool = False

    @property
    def settle(self) -> float:
        """Seconds to leave the server alone after a submission whose answer was lost.

        RSpace looks for a running export before it plans the new one, which takes a while: asked
        too soon, it would start a second one beside the first.
        """
        return 2 * self.poll_interval


@dataclass(frozen=True, slots=True)
class ExportJob:
    """One export, from the plan to its delivery. All times are UTC.

    Attributes:
        size: The archive's size in bytes, once it is here.
        check: How well the archive could be checked, once it is here.
        noted: What the server had before the first submission whose answer may be lost.
        noted_at: When that was.
        ours: Whether this labferry certainly began the server's job.
        since: When the wait for the server began, for its slot or for the job to end, which
            `job_timeout` limits.
        not_before: When to do the next thing.
        failing_since: When the server was first out of reach, of the failures that are counted.
        pause: How long that wait was meant to be, in seconds, whatever the clock does meanwhile.
    """

    phase: Phase = Phase.PLANNED
    submitted_at: datetime | None = None
    server_job: str = ""
    link: str = ""
    percent: float | None = None
    offer: Offer | None = None
    validator: str | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    verified_at: datetime | None = None
    digests: Digests | None = None
    size: int | None = None
    check: DownloadCheck | None = None
    contents: Contents | None = None
    warning: str = ""
    not_before: datetime | None = None
    pause: float = 0.0
    waiting_for: str = ""
    since: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    broken: int = 0
    losses: int = 0
    noted: JsonValue = None
    noted_at: datetime | None = None
    ours: bool = True
    corrupted: int = 0
    gone: int = 0
    renewals: int = 0
    reason: str = ""
    exit_code: int = 0

    @property
    def download_check(self) -> DownloadCheck:
        """How well the archive could be checked; before it is here, how well at least."""
        return self.check or (self.offer.check if self.offer else DownloadCheck.NONE)

    @property
    def completed(self) -> JobStatus:
        """What the server said of the job when it was completed."""
        return JobStatus(
            self.server_job, self.link, JobState.COMPLETED, self.percent, offer=self.offer
        )
