"""The state machine itself: what to do next with a job, and what became of it."""

from dataclasses import replace
from datetime import datetime, timedelta

from labferry.lifecycle.decisions import (
    Decision,
    Deliver,
    Download,
    End,
    Find,
    Poll,
    Submit,
)
from labferry.lifecycle.events import (
    Busy,
    Corrupted,
    Delivered,
    Downloaded,
    Downloading,
    Ended,
    Event,
    Forgotten,
    Found,
    Gone,
    Lost,
    Misplaced,
    Reported,
    Restarted,
    Submitting,
    Unchanged,
    Unreachable,
)
from labferry.lifecycle.job import ExportJob, Phase, Policy
from labferry.lifecycle.pauses import (
    backoff,
    cut_short,
    remaining,
    until_next_question,
    wait,
    wait_or_suspend,
)
from labferry.sdk.archive import DownloadCheck
from labferry.sdk.errors import ExitCode
from labferry.sdk.settings import JsonValue
from labferry.sdk.source import JobState, JobStatus, Offer

_LONGEST_WISH = 3600.0
"""Seconds that a server may ask to be left alone; of a wish for more, this much counts."""


def decide(job: ExportJob, now: datetime, policy: Policy) -> Decision:  # noqa: PLR0911 - a table
    """What to do next with a job."""
    match job.phase:
        case Phase.VERIFIED:
            return Deliver()
        case Phase.DONE | Phase.UNCHANGED | Phase.FAILED:
            return End()
    seconds = remaining(job, now)
    if seconds > 0:
        return wait_or_suspend(job, seconds, now, policy)
    match job.phase:
        case Phase.RUNNING:
            return Poll()
        case Phase.COMPLETED:
            return Download()
        case Phase.UNCERTAIN if policy.can_find:
            return Find()
    return Submit()


def advance(  # noqa: C901, PLR0911, PLR0912 - a table
    job: ExportJob, event: Event, now: datetime, policy: Policy
) -> ExportJob:
    """What became of a job."""
    match event:
        case Submitting(noted):
            return _submitting(job, noted, now)
        case Reported(status):
            return _reported(job, status, now, policy)
        case Found(status):
            return _found(job, status, now, policy)
        case Lost(reason):
            return _lost(job, reason, now, policy)
        case Busy(reason, wish):
            return _busy(job, reason, wish, now, policy)
        case Unreachable():
            return _unreachable(job, event, now, policy)
        case Ended(reason, exit_code):
            return _failed(job, reason, exit_code)
        case Downloading(validator):
            return replace(job, validator=validator)
        case Downloaded():
            return replace(
                job,
                phase=Phase.VERIFIED,
                digests=event.digests,
                contents=event.contents,
                warning=event.warning,
                size=event.size,
                check=event.check,
                verified_at=now,
                failures=0,
            )
        case Unchanged(reason):
            return replace(job, phase=Phase.UNCHANGED, reason=reason)
        case Corrupted(reason):
            return _corrupted(job, reason, now, policy)
        case Gone(reason):
            return _gone(job, reason, now, policy)
        case Forgotten(reason):
            unknown = f"The server does not know the job any more: {_sentence(reason)}"
            return _vanished(job, unknown, policy)
        case Misplaced():
            # The digests stay: some destinations may have the archive, and others get the same.
            return replace(job, phase=Phase.RUNNING, verified_at=None)
        case Delivered():
            return replace(job, phase=Phase.DONE)
        case Restarted():
            return _restarted(job, now, policy)


def _has_timed_out(job: ExportJob, now: datetime, policy: Policy) -> bool:
    return job.since is not None and now - job.since > timedelta(seconds=policy.job_timeout)


def _failed(job: ExportJob, reason: str, exit_code: int = ExitCode.FAILED) -> ExportJob:
    return replace(job, phase=Phase.FAILED, reason=reason, exit_code=exit_code)


def _unsent(job: ExportJob) -> Phase:
    """The phase of a job that has nothing at the server, as far as we know."""
    return Phase.UNCERTAIN if job.losses else Phase.PLANNED


def _submitting(job: ExportJob, noted: JsonValue, now: datetime) -> ExportJob:
    # After a lost answer it is the server's first state that tells what began since.
    first = not job.losses or job.noted_at is None
    return replace(
        job,
        phase=Phase.SUBMITTING,
        submitted_at=now,
        noted=noted if first else job.noted,
        noted_at=now if first else job.noted_at,
        not_before=None,
        waiting_for="",
    )


def _found(job: ExportJob, status: JobStatus | None, now: datetime, policy: Policy) -> ExportJob:
    if status is None:
        # No export began: it is asked for at once. Should the answer be lost again, that counts.
        return replace(job, phase=Phase.PLANNED, failures=0, not_before=None, waiting_for="")
    found = replace(
        job,
        phase=Phase.RUNNING,
        server_job=status.job,
        link=status.link,
        since=now,
        ours=status.ours,
        failures=0,
    )
    return _reported(found, status, now, policy)


def _reported(job: ExportJob, status: JobStatus, now: datetime, policy: Policy) -> ExportJob:
    fresh = job.phase is Phase.SUBMITTING
    known = replace(
        job,
        phase=Phase.RUNNING,
        server_job=status.job if fresh else job.server_job,
        link=status.link or job.link,
        percent=status.percent,
        since=now if fresh else job.since,
        ours=status.ours if fresh else job.ours,
    )
    match status.state:
        case JobState.RUNNING:
            return _running(replace(known, failures=0, broken=0), status, now, policy)
        case JobState.COMPLETED if fresh and _missing(status.offer, policy):
            # So quick a job: the answer to a submission has no room for the offer. Ask for it.
            return _running(replace(known, failures=0, broken=0), status, now, policy)
        case JobState.COMPLETED:
            return _completed(known, status, now, policy)
        case JobState.BROKEN:
            return _broken(known, status, now, policy)
        case JobState.FAILED if fresh:
            # RSpace answers a submission so when its work queue is full: no export began.
            reason = status.reason or "the server has no room for another export"
            return _unreachable(job, Unreachable(reason, status.wait), now, policy)
        case JobState.FAILED:
            return _failed(known, f"The server ended the export: {_sentence(status.reason)}")


def _running(job: ExportJob, status: JobStatus, now: datetime, policy: Policy) -> ExportJob:
    if _has_timed_out(job, now, policy):
        return _failed(
            job,
            f"The export has been running for more than {policy.job_timeout:g} s (job_timeout). "
            "After a restart of the server a job can stay like this for ever, and its owner can't "
            "start another: ask the server's administrator to end it, or raise job_timeout.",
        )
    pause = max(until_next_question(job, now, policy), status.wait)
    return wait(job, now, pause, "the server to finish the export")


def _completed(job: ExportJob, status: JobStatus, now: datetime, policy: Policy) -> ExportJob:
    if status.files > 1:
        return _failed(
            job,
            f"The server offers this export as {status.files} files. labferry stores one archive "
            "of each export job, and would have to leave some of it out: export less at a time, "
            "or let the server make one file of it.",
        )
    offer, missing = status.offer, _missing(status.offer, policy)
    if offer is None or missing:
        reason = (
            f"The server calls the export completed, but offers no archive with {missing}. "
            f"The archive may have been removed already{_but_required(offer)}."
        )
        kept_for = offer.kept_for if offer is not None else None
        expired = _is_old(job, kept_for, now)
        return _vanished(job, reason, policy) if expired else _failed(job, reason)
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


def _but_required(offer: Offer | None) -> str:
    if offer is None or not offer.link:
        return ""
    return "; require_digest refuses one that can't be compared with a declared checksum"


def _missing(offer: Offer | None, policy: Policy) -> str:
    """What an offer lacks to be accepted; empty if nothing."""
    if offer is None or not offer.link:
        return "a download link"
    if not policy.require_digest or offer.check is DownloadCheck.DECLARED_DIGEST:
        return ""
    return "a checksum" if offer.crc32 is None else "a size"


def _is_old(job: ExportJob, kept_for: float | None, now: datetime) -> bool:
    """Whether the archive was on offer before, or may have been for as long as it is kept."""
    if job.completed_at is not None:
        return True
    if job.submitted_at is None or kept_for is None:
        return False
    return now - job.submitted_at >= timedelta(seconds=kept_for)


def _vanished(job: ExportJob, reason: str, policy: Policy) -> ExportJob:
    """The archive or its job was there, and is no more: a new export, but not for ever."""
    if job.renewals < policy.max_renewals:
        return ExportJob(renewals=job.renewals + 1)
    return _failed(job, reason)


def _broken(job: ExportJob, status: JobStatus, now: datetime, policy: Policy) -> ExportJob:
    broken = replace(job, broken=job.broken + 1)
    if broken.broken < policy.max_broken:
        return wait(broken, now, max(policy.poll_interval, status.wait), "the server to recover")
    if job.completed_at is not None:
        # This is also how RSpace says that an archive which it kept elsewhere is gone.
        return _vanished(
            broken, f"The server no longer has the archive: {_sentence(status.reason)}", policy
        )
    return _failed(
        broken,
        f"The server answered {broken.broken} times in a row that it can't tell how the export "
        f"is, which is how RSpace reports an export that failed: {_sentence(status.reason)}",
    )


def _lost(job: ExportJob, reason: str, now: datetime, policy: Policy) -> ExportJob:
    lost = replace(job, phase=Phase.UNCERTAIN, losses=job.losses + 1)
    if lost.losses > policy.max_losses:
        return _failed(
            lost,
            f"The answer to the export request was lost {lost.losses} times: {_sentence(reason)} "
            "Exports may be running at the server; find out why before asking for more.",
        )
    why = "an export that may have begun, as the server's answer was lost"
    return wait(lost, now, policy.settle, why)


def _busy(job: ExportJob, reason: str, wish: float, now: datetime, policy: Policy) -> ExportJob:
    waiting = replace(job, phase=_unsent(job), since=job.since or now, failures=0)
    if _has_timed_out(waiting, now, policy):
        return _failed(
            job,
            f"The server has refused to start the export for more than {policy.job_timeout:g} s "
            f"(job_timeout), as it runs another for this user: {_sentence(reason)} "
            "After a restart of the server such an export can stay for ever: ask the server's "
            "administrator to end it.",
        )
    pause = max(policy.poll_interval, wish)
    return wait(waiting, now, pause, "another export of the same user to finish")


def _unreachable(job: ExportJob, event: Unreachable, now: datetime, policy: Policy) -> ExportJob:
    failures = 1 if event.progressed else job.failures + 1
    phase = {Phase.SUBMITTING: _unsent(job), Phase.COMPLETED: Phase.RUNNING}.get(
        job.phase, job.phase
    )
    since = now if failures == 1 else job.failing_since or now
    failing = replace(job, phase=phase, failures=failures, failing_since=since)
    pause = max(backoff(failures, policy), min(event.wait, _LONGEST_WISH))
    return wait(failing, now, cut_short(failing, pause, now, policy), event.reason)


def _corrupted(job: ExportJob, reason: str, now: datetime, policy: Policy) -> ExportJob:
    corrupted = replace(job, phase=Phase.RUNNING, corrupted=job.corrupted + 1)
    if corrupted.corrupted >= policy.max_corrupted:
        return _failed(
            corrupted,
            f"The archive was refused after {corrupted.corrupted} downloads: {_sentence(reason)}",
            exit_code=ExitCode.INTEGRITY,
        )
    return wait(corrupted, now, backoff(corrupted.corrupted, policy), "another download")


def _gone(job: ExportJob, reason: str, now: datetime, policy: Policy) -> ExportJob:
    gone = replace(job, phase=Phase.RUNNING, gone=job.gone + 1)
    expired = gone.expires_at is not None and now >= gone.expires_at
    if not expired and gone.gone < policy.max_gone:
        return wait(gone, now, backoff(gone.gone, policy), "the archive to appear")
    return _vanished(gone, f"The server no longer has the archive: {_sentence(reason)}", policy)


def _restarted(job: ExportJob, now: datetime, policy: Policy) -> ExportJob:
    # A clock that was set back while no run was at work must not make a timeout or a wait longer.
    since = None if job.since is None else min(job.since, now)
    not_before = None if job.not_before is None else now + timedelta(seconds=remaining(job, now))
    # Losses are counted within a run: a process that is killed again and again is no reason to
    # give up what the server would do. Broken answers are: short runs would never see enough.
    rested = replace(job, since=since, not_before=not_before, failures=0, losses=min(job.losses, 1))
    match job.phase:
        case Phase.SUBMITTING:
            ended = "The process ended before the answer came."
            return _lost(replace(rested, losses=0), ended, now, policy)
        case Phase.COMPLETED:
            return replace(rested, phase=Phase.RUNNING)
    return rested


def _sentence(text: str) -> str:
    text = text.strip() or "no reason was given"
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
