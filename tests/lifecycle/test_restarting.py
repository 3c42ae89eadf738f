"""Another run takes a job over: nothing is asked for twice, and no patience is lost."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from labferry.lifecycle import ExportJob, Phase, Policy, advance, decide
from labferry.lifecycle.decisions import Decision, Deliver, Poll, Submit, Wait
from labferry.lifecycle.events import Downloaded, Reported, Restarted
from labferry.sdk import Digests, JobState, JobStatus, Offer

POLICY = Policy(poll_interval=60.0, job_timeout=3600.0)
GOES_ON: dict[Phase, tuple[Phase, Decision]] = {
    Phase.PLANNED: (Phase.PLANNED, Submit()),
    Phase.UNCERTAIN: (Phase.UNCERTAIN, Submit()),
    Phase.RUNNING: (Phase.RUNNING, Poll()),
    # The link may have expired: the job is asked for a new one.
    Phase.COMPLETED: (Phase.RUNNING, Poll()),
    Phase.VERIFIED: (Phase.VERIFIED, Deliver()),
}


@pytest.mark.parametrize("phase", GOES_ON)
def test_job_goes_on_where_it_was(phase: Phase, now: datetime) -> None:
    job = advance(ExportJob(phase=phase), Restarted(), now, POLICY)
    assert (job.phase, decide(job, now, POLICY)) == GOES_ON[phase]


def test_submission_without_an_answer_is_a_lost_one(now: datetime) -> None:
    before = ExportJob(phase=Phase.SUBMITTING, submitted_at=now)
    job = advance(before, Restarted(), now, POLICY)
    assert (job.phase, job.losses, job.pause) == (Phase.UNCERTAIN, 1, POLICY.settle)
    assert isinstance(decide(job, now, POLICY), Wait)


def test_process_killed_again_and_again_while_submitting_never_gives_up(now: datetime) -> None:
    job = ExportJob(phase=Phase.SUBMITTING, submitted_at=now)
    for _ in range(20):
        job = replace(advance(job, Restarted(), now, POLICY), phase=Phase.SUBMITTING)
    assert advance(job, Restarted(), now, POLICY).phase is Phase.UNCERTAIN


def test_uncertainty_is_kept(now: datetime) -> None:
    before = ExportJob(phase=Phase.UNCERTAIN, losses=3)
    job = advance(before, Restarted(), now, POLICY)
    assert (job.phase, job.losses) == (Phase.UNCERTAIN, 1)


def test_failures_of_an_earlier_run_are_forgotten(running: ExportJob, now: datetime) -> None:
    assert advance(replace(running, failures=8), Restarted(), now, POLICY).failures == 0


def test_what_the_server_said_is_kept(running: ExportJob, offer: Offer, now: datetime) -> None:
    before = replace(
        running, phase=Phase.COMPLETED, offer=offer, completed_at=now, validator='"e"', corrupted=2
    )
    job = advance(before, Restarted(), now + timedelta(hours=1), POLICY)
    assert job == replace(before, phase=Phase.RUNNING)


def test_archive_verified_before_stays_so(
    running: ExportJob, digests: Digests, now: datetime
) -> None:
    before = advance(running, Downloaded(digests), now, POLICY)
    assert advance(before, Restarted(), now, POLICY) == before


def test_wait_goes_on_across_runs(running: ExportJob, now: datetime) -> None:
    before = replace(running, not_before=now + timedelta(seconds=40), pause=60.0, waiting_for="it")
    job = advance(before, Restarted(), now, POLICY)
    assert decide(job, now, POLICY) == Wait(40.0, "it")


def test_clock_set_back_between_runs_makes_no_wait_longer(
    running: ExportJob, now: datetime
) -> None:
    before = replace(running, not_before=now + timedelta(days=9), pause=60.0, waiting_for="it")
    job = advance(before, Restarted(), now, POLICY)
    assert decide(job, now, POLICY) == Wait(60.0, "it")
    assert decide(job, now + timedelta(seconds=60), POLICY) == Poll()


def test_clock_set_back_between_runs_makes_no_timeout_longer(
    running: ExportJob, now: datetime
) -> None:
    before = replace(running, since=now + timedelta(days=9))
    job = advance(before, Restarted(), now, POLICY)
    status = JobStatus("23", "", JobState.RUNNING)
    job = advance(job, Reported(status), now + timedelta(hours=2), POLICY)
    assert job.phase is Phase.FAILED
