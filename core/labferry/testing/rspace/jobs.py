"""Export jobs over time: queued, running, ended, or stuck after a restart."""

import threading
from dataclasses import dataclass, field
from enum import Enum

from labferry.testing.rspace.planning import ExportRequest

# Shares of the running time: writing records, zipping, and the moment just before COMPLETED
# in which the percentage is -1.0 again.
_WRITTEN, _ZIPPED = 0.8, 0.95


class Outcome(Enum):
    """How a job ends when it does not end well, or how its result misleads."""

    FAILED = "FAILED"
    ABANDONED = "ABANDONED"
    STOPPED = "STOPPED"
    STOPPING = "STOPPING"
    UNKNOWN = "UNKNOWN"
    UNREADABLE = "the export failed: COMPLETED, but reading the job is HTTP 500 for ever"
    UPLOAD_FAILED = "the upload to S3 failed: reading the job is HTTP 500 for ever"
    STUCK = "STARTED for ever, as after a restart"
    NO_LINK = "COMPLETED without an enclosure"
    NO_CHECKSUM = "COMPLETED with checksum null"
    NO_SIZE = "COMPLETED with size null"
    ROW_GONE = "COMPLETED with size, checksum and algorithm null"
    WRONG_CHECKSUM = "COMPLETED with another checksum"
    WRONG_SIZE = "COMPLETED with another size"
    HEX_CHECKSUM = "COMPLETED with a hexadecimal checksum"


_STATUSES = frozenset(
    (Outcome.FAILED, Outcome.ABANDONED, Outcome.STOPPED, Outcome.STOPPING, Outcome.UNKNOWN)
)


@dataclass
class JobTiming:
    """How long things take, in seconds.

    Attributes:
        planning: Inside the POST, walking every record.
        queue: STARTING.
        run: STARTED.
        pool_size: Exports that run side by side; further ones wait in STARTING.
        queue_capacity: How many may wait; the next one is FAILED at once. None is no limit.
    """

    planning: float = 0.0
    queue: float = 0.01
    run: float = 0.05
    pool_size: int = 5
    queue_capacity: int | None = None


@dataclass(frozen=True)
class JobView:
    """A job at one moment, without its result."""

    status: str
    percent: float


@dataclass
class Job:
    """One export job. ``units`` is the number of records its progress counts."""

    id: int
    request: ExportRequest
    submitted: float
    starts: float
    ends: float
    units: int
    file: str
    outcome: Outcome | None = None
    reason: str | None = None
    wedged: str | None = None

    def view(self, now: float) -> JobView:
        """Status and percentage, as polls show them."""
        if self.wedged is not None:
            return JobView(self.wedged, -1.0)
        if now < self.starts:
            return JobView("STARTING", -1.0)
        if now < self.ends:
            return JobView("STARTED", self._percent(now))
        if self.outcome in _STATUSES:
            return JobView(self.outcome.value, -1.0)
        return JobView("COMPLETED", 100.0)

    def _percent(self, now: float) -> float:
        """Above 0 from the first record on; while zipping 100, or near 91 from 9 records on."""
        total = self.units + max(1, self.units // 10)
        done = (now - self.starts) / (self.ends - self.starts)
        if done >= _ZIPPED:
            return -1.0
        extra = 1 if self.units < 9 else 0  # noqa: PLR2004 - "under about 9 records"
        if done >= _WRITTEN:
            return round(100 * (self.units + extra) / total, 2)
        written = 1 + int(done / _WRITTEN * max(0, self.units - 1))
        return round(100 * written / total, 2)

    def holds_slot(self, now: float) -> bool:
        """Whether its owner sees that an export is running."""
        return self.view(now).status in ("STARTING", "STARTED", "STOPPING")

    def holds_thread(self, now: float) -> bool:
        """Whether it takes one of the pool's threads; after a restart it does not."""
        return self.wedged is None and now < self.ends

    def completed(self, now: float) -> bool:
        """Whether the job says COMPLETED."""
        return self.view(now).status == "COMPLETED"


@dataclass
class Jobs:
    """All jobs of a server, with sequential ids."""

    first_id: int = 23
    _jobs: dict[int, Job] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def launch(
        self, request: ExportRequest, timing: JobTiming, now: float, file: str, units: int
    ) -> Job:
        """Start a job; if too many wait already, it is FAILED from the beginning."""
        with self._lock:
            running = sorted(job.ends for job in self._jobs.values() if job.holds_thread(now))
            waiting = max(0, len(running) - timing.pool_size + 1)
            starts = now + timing.queue
            if waiting:
                starts = max(starts, running[-timing.pool_size])
            job_id = self.first_id + len(self._jobs)
            job = Job(job_id, request, now, starts, starts + timing.run, units, file)
            if timing.queue_capacity is not None and waiting > timing.queue_capacity:
                job.starts = job.ends = now
                job.outcome = Outcome.FAILED
                job.reason = "org.springframework.core.task.TaskRejectedException"
            self._jobs[job_id] = job
            return job

    def get(self, job_id: int) -> Job | None:
        """The job with that id, if any."""
        return self._jobs.get(job_id)

    def running_for(self, username: str, now: float) -> bool:
        """Whether the user has a running export."""
        with self._lock:
            jobs = list(self._jobs.values())
        return any(
            job.request.exporter.username == username and job.holds_slot(now) for job in jobs
        )

    def wedge(self, now: float) -> int:
        """What a restart does: running jobs stay as they are for ever, at -1.0; says how many."""
        with self._lock:
            running = [job for job in self._jobs.values() if job.holds_slot(now)]
            for job in running:
                job.wedged = job.view(now).status
            return len(running)

    def forget(self) -> None:
        """What the upgrade to 2.25 does: the tables of all jobs are made anew."""
        with self._lock:
            self._jobs.clear()

    def release(self, username: str) -> None:
        """What an administrator does in the database: the user's wedged jobs are ABANDONED."""
        with self._lock:
            for job in self._jobs.values():
                if job.wedged and job.request.exporter.username == username:
                    job.wedged, job.outcome, job.ends = None, Outcome.ABANDONED, job.submitted


def make_end(job: Job, outcome: Outcome, reason: str | None) -> None:
    """Plan another end for a job that was just launched."""
    job.outcome, job.reason = outcome, reason
    if outcome is Outcome.STUCK:
        job.wedged = "STARTED"
