"""The state machine itself: what to do next with a job, and what became of it."""

from dataclasses import replace
from datetime import datetime, timedelta

from labferry.lifecycle.decisions import (
    Decision,
    Deliver,
    Download,
    End,
    Poll,
    Submit,
    Suspend,
    Wait,
)
from labferry.lifecycle.events import (
    Busy,
    Corrupted,
    Delivered,
    Downloaded,
    Downloading,
    Ended,
    Event,
    Gone,
    Lost,
    Misplaced,
    Reported,
    Restarted,
    Submitting,
    Unreachable,
)
from labferry.lifecycle.job import ExportJob, Phase, Policy
from labferry.sdk.source import JobState, JobStatus

__all__ = ["advance", "decide"]

_BACKOFF_FIRST = 5.0
_BACKOFF_MOST = 300.0


def decide(job: ExportJob, now: datetime, policy: Policy) -> Decision:  # noqa: PLR0911 - a table
    """What to do next with a job."""
    match job.phase:
        case Phase.VERIFIED:
            return Deliver()
        case Phase.DONE | Phase.FAILED:
            return End()
    if job.failures >= policy.max_failures:
        return Suspend(job.waiting_for, unfinished=False)
    remaining = _remaining(job, now)
    if policy.deadline is not None and now + timedelta(seconds=remaining) > policy.deadline:
        waiting_for = job.waiting_for or "the export to begin"
        return Suspend(
            f"The time for this run is over; waiting for {waiting_for}.", unfinished=True
        )
    if remaining > 0:
        return Wait(remaining, job.waiting_for)
    match job.phase:
        case Phase.RUNNING:
            return Poll()
        case Phase.COMPLETED:
            return Download()
    return Submit()


def advance(  # noqa: C901, PLR0911, PLR0912 - a table
    job: ExportJob, event: Event, now: datetime, policy: Policy
) -> ExportJob:
    """What became of a job."""
    match event:
        case Submitting():
            return replace(
                job, phase=Phase.SUBMITTING, submitted_at=now, not_before=None, waiting_for=""
            )
        case Reported(status):
            return _reported(job, status, now, policy)
        case Lost(reason):
            return _lost(job, reason, now, policy)
        case Busy(reason, wait):
            return _busy(job, reason, wait, now, policy)
        case Unreachable():
            return _unreachable(job, event, now, policy)
        case Ended(reason, exit_code):
            return _failed(job, reason, exit_code)
        case Downloading(validator):
            return replace(job, validator=validator)
        case Downloaded(digests):
            return replace(job, phase=Phase.VERIFIED, digests=digests, verified_at=now, failures=0)
        case Corrupted(reason):
            return _corrupted(job, reason, now, policy)
        case Gone(reason):
            return _gone(job, reason, now, policy)
        case Misplaced():
            return replace(job, phase=Phase.RUNNING, digests=None, verified_at=None)
        case Delivered():
            return replace(job, phase=Phase.DONE)
        case Restarted():
            return _restarted(job, now, policy)


def _wait_or_suspend(
    job: ExportJob, now: datetime, seconds: float, policy: Policy
) -> Wait | Suspend:
    if policy.deadline is None or now + timedelta(seconds=seconds) <= policy.deadline:
        return Wait(seconds, job.waiting_for)
    return Suspend(
        f"This run may not wait longer (max_wait) for {job.waiting_for}.", unfinished=True
    )


def _remaining(job: ExportJob, now: datetime) -> float:
    """Seconds left to wait; never more than was meant, even where the clock was set back."""
    if job.not_before is None:
        return 0.0
    return max(0.0, min((job.not_before - now).total_seconds(), job.pause))


def _wait(job: ExportJob, now: datetime, seconds: float, waiting_for: str) -> ExportJob:
    return replace(
        job, not_before=now + timedelta(seconds=seconds), pause=seconds, waiting_for=waiting_for
    )


def _backoff(count: int, policy: Policy) -> float:
    first = min(_BACKOFF_FIRST, policy.poll_interval)
    return float(min(_BACKOFF_MOST, first * 2 ** min(count, 16)))


def _failed(job: ExportJob, reason: str, exit_code: int = 1) -> ExportJob:
    return replace(job, phase=Phase.FAILED, reason=reason, exit_code=exit_code)


def _unsent(job: ExportJob) -> Phase:
    """The phase of a job that has nothing at the server, as far as we know."""
    return Phase.UNCERTAIN if job.losses else Phase.PLANNED


def _reported(job: ExportJob, status: JobStatus, now: datetime, policy: Policy) -> ExportJob:
    fresh = job.phase is Phase.SUBMITTING
    known = replace(
        job,
        phase=Phase.RUNNING,
        server_job=status.job if fresh else job.server_job,
        link=status.link or job.link,
        percent=status.percent,
        busy_since=None,
    )
    match status.state:
        case JobState.RUNNING:
            return _running(replace(known, failures=0, broken=0), status, now, policy)
        case JobState.COMPLETED:
            return _completed(known, status, now)
        case JobState.BROKEN:
            return _broken(known, status, now, policy)
        case JobState.FAILED if fresh:
            # RSpace answers a submission so when its work queue is full: no export began.
            reason = status.reason or "the server has no room for another export"
            return _unreachable(job, Unreachable(reason, status.wait), now, policy)
        case JobState.FAILED:
            return _failed(known, f"The server ended the export: {_sentence(status.reason)}")


def _running(job: ExportJob, status: JobStatus, now: datetime, policy: Policy) -> ExportJob:
    begun = job.submitted_at or now
    if now - begun > timedelta(seconds=policy.job_timeout):
        return _failed(
            job,
            f"The export has been running for more than {policy.job_timeout:g} s (job_timeout). "
            "After a restart of the server a job can stay like this for ever, and its owner can't "
            "start another: ask the server's administrator to end it, or raise job_timeout.",
        )
    return _wait(
        job, now, max(policy.poll_interval, status.wait), "the server to finish the export"
    )


def _completed(job: ExportJob, status: JobStatus, now: datetime) -> ExportJob:
    offer = status.offer
    missing = "a download link" if offer is None or not offer.link else None
    if offer is not None and missing is None:
        missing = "a size" if offer.size is None else "a checksum" if offer.crc32 is None else None
    if offer is None or missing is not None:
        return _failed(
            job,
            f"The server calls the export completed, but offers no archive with {missing}. "
            "The archive may have been removed already; nothing unverified is stored.",
        )
    completed_at = job.completed_at or now
    expires_at = job.expires_at
    if expires_at is None and offer.kept_for is not None:
        expires_at = completed_at + timedelta(seconds=offer.kept_for)
    return replace(
        job,
        phase=Phase.COMPLETED,
        offer=offer,
        completed_at=completed_at,
        expires_at=expires_at,
        broken=0,
        not_before=now + timedelta(seconds=status.wait),
        pause=status.wait,
        waiting_for="the server to allow the download",
    )


def _broken(job: ExportJob, status: JobStatus, now: datetime, policy: Policy) -> ExportJob:
    broken = job.broken + 1
    if broken >= policy.max_broken:
        return _failed(
            job,
            f"The server answered {broken} times in a row that it can't tell how the export is, "
            f"which is how RSpace reports an export that failed: {_sentence(status.reason)}",
        )
    pause = max(policy.poll_interval, status.wait)
    return _wait(replace(job, broken=broken), now, pause, "the server to recover")


def _lost(job: ExportJob, reason: str, now: datetime, policy: Policy) -> ExportJob:
    lost = replace(job, phase=Phase.UNCERTAIN, losses=job.losses + 1)
    if lost.losses > policy.max_losses:
        return _failed(
            lost,
            f"The answer to the export request was lost {lost.losses} times: {_sentence(reason)} "
            "Exports may be running at the server; find out why before asking for more.",
        )
    why = "an export that may have begun, as the server's answer was lost"
    return _wait(lost, now, policy.settle, why)


def _busy(job: ExportJob, reason: str, wait: float, now: datetime, policy: Policy) -> ExportJob:
    since = job.busy_since or now
    if now - since > timedelta(seconds=policy.job_timeout):
        return _failed(
            job,
            f"The server has refused to start the export for more than {policy.job_timeout:g} s "
            f"(job_timeout), as it runs another for this user: {_sentence(reason)} "
            "After a restart of the server such an export can stay for ever: ask the server's "
            "administrator to end it.",
        )
    waiting = replace(job, phase=_unsent(job), busy_since=since, failures=0)
    pause = max(policy.poll_interval, wait)
    return _wait(waiting, now, pause, "another export of the same user to finish")


def _unreachable(job: ExportJob, event: Unreachable, now: datetime, policy: Policy) -> ExportJob:
    failures = 1 if event.progressed else job.failures + 1
    phase = {Phase.SUBMITTING: _unsent(job), Phase.COMPLETED: Phase.RUNNING}.get(
        job.phase, job.phase
    )
    pause = max(_backoff(failures, policy), event.wait)
    return _wait(replace(job, phase=phase, failures=failures), now, pause, event.reason)


def _corrupted(job: ExportJob, reason: str, now: datetime, policy: Policy) -> ExportJob:
    corrupted = replace(job, phase=Phase.RUNNING, corrupted=job.corrupted + 1, digests=None)
    if corrupted.corrupted >= policy.max_corrupted:
        return _failed(
            corrupted,
            f"The archive was refused after {corrupted.corrupted} downloads: {_sentence(reason)}",
            exit_code=4,
        )
    return _wait(corrupted, now, _backoff(corrupted.corrupted, policy), "another download")


def _gone(job: ExportJob, reason: str, now: datetime, policy: Policy) -> ExportJob:
    gone = replace(job, phase=Phase.RUNNING, gone=job.gone + 1)
    expired = gone.expires_at is not None and now >= gone.expires_at
    if not expired and gone.gone < policy.max_gone:
        return _wait(gone, now, _backoff(gone.gone, policy), "the archive to appear")
    if gone.renewals < policy.max_renewals:
        return ExportJob(renewals=gone.renewals + 1)
    return _failed(gone, f"The server no longer has the archive: {_sentence(reason)}")


def _restarted(job: ExportJob, now: datetime, policy: Policy) -> ExportJob:
    rested = replace(job, failures=0, broken=0)
    match job.phase:
        case Phase.SUBMITTING:
            return _lost(rested, "The process ended before the answer came.", now, policy)
        case Phase.COMPLETED:
            return replace(rested, phase=Phase.RUNNING)
    return rested


def _sentence(text: str) -> str:
    text = text.strip() or "no reason was given"
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
