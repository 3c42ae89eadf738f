"""How long a job is left alone, and when a run stops waiting for it."""

from dataclasses import replace
from datetime import datetime, timedelta

from labferry.lifecycle.decisions import Suspend, Wait
from labferry.lifecycle.job import ExportJob, Policy

_BACKOFF_FIRST = 5.0
_BACKOFF_MOST = 300.0
_FIRST_QUESTION = 1.0
"""Seconds after a submission: a small export is ready by then."""

_PATIENCE_GROWS = 0.25
"""The share of an export's time so far that may be lost because nobody asks at its end."""

_MANY_FAILURES = 3
"""In a row: a server that fails so often is down, and the export is not just taking its time."""


def wait(job: ExportJob, now: datetime, seconds: float, waiting_for: str) -> ExportJob:
    """Leave a job alone for some seconds."""
    return replace(
        job, not_before=now + timedelta(seconds=seconds), pause=seconds, waiting_for=waiting_for
    )


def remaining(job: ExportJob, now: datetime) -> float:
    """Seconds left to wait; never more than was meant, even where the clock was set back."""
    if job.not_before is None:
        return 0.0
    return max(0.0, min((job.not_before - now).total_seconds(), job.pause))


def wait_or_suspend(
    job: ExportJob, seconds: float, now: datetime, policy: Policy
) -> Wait | Suspend:
    """Wait, unless this run may not: its limits are for waiting, what can be done at once is done.

    Args:
        job: The job.
        seconds: How long is left to wait.
        now: The time.
        policy: The run's limits.
    """
    if _patience_left(job, now, policy) < seconds:
        return Suspend(job.waiting_for, unfinished=False)
    if _time_left(now, policy) >= seconds:
        return Wait(seconds, job.waiting_for)
    if job.failures >= _MANY_FAILURES:
        return Suspend(job.waiting_for, unfinished=False)
    return Suspend(
        f"This run may not wait any longer (max_wait) for {job.waiting_for}.", unfinished=True
    )


def until_next_question(job: ExportJob, now: datetime, policy: Policy) -> float:
    """Seconds until a running job is asked about again: soon at first, less often later."""
    age = (now - (job.since or now)).total_seconds()
    return min(policy.poll_interval, max(_FIRST_QUESTION, age * _PATIENCE_GROWS))


def backoff(count: int, policy: Policy) -> float:
    """Seconds until the next try after so many failures in a row."""
    first = min(_BACKOFF_FIRST, policy.poll_interval)
    return float(min(_BACKOFF_MOST, first * 2 ** min(count, 16)))


def cut_short(job: ExportJob, seconds: float, now: datetime, policy: Policy) -> float:
    """A pause of a failing job, so that the last try is at the run's limit and not long before."""
    room = min(_patience_left(job, now, policy), _time_left(now, policy))
    return min(seconds, room) if room > 0 else seconds


def _patience_left(job: ExportJob, now: datetime, policy: Policy) -> float:
    if not job.failures or job.failing_since is None or policy.patience is None:
        return float("inf")
    return policy.patience - (now - job.failing_since).total_seconds()


def _time_left(now: datetime, policy: Policy) -> float:
    return float("inf") if policy.deadline is None else (policy.deadline - now).total_seconds()
