"""From the plan to a job that the server knows."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from labferry.lifecycle import ExportJob, Phase, Policy, advance, decide, job_to_release
from labferry.lifecycle.decisions import Find, Poll, Submit, Wait
from labferry.lifecycle.events import (
    Busy,
    Ended,
    Found,
    Gone,
    Lost,
    Reported,
    Restarted,
    Submitting,
    Unreachable,
)
from labferry.sdk import JobState, JobStatus, Offer

POLICY = Policy(poll_interval=60.0, job_timeout=3600.0)
STARTED = JobStatus("23", "https://eln/23", JobState.RUNNING, percent=0.0)


@pytest.fixture
def submitting(now: datetime) -> ExportJob:
    return advance(ExportJob(), Submitting(), now, POLICY)


def test_intent_says_when(submitting: ExportJob, now: datetime) -> None:
    assert (submitting.phase, submitting.submitted_at) == (Phase.SUBMITTING, now)


def test_second_try_has_its_own_moment_and_no_old_wait(now: datetime) -> None:
    before = ExportJob(phase=Phase.UNCERTAIN, submitted_at=now, not_before=now, waiting_for="x")
    later = now + timedelta(minutes=2)
    job = advance(before, Submitting(), later, POLICY)
    assert (job.submitted_at, job.not_before, job.waiting_for) == (later, None, "")


def test_accepted_job_is_polled_soon(submitting: ExportJob, now: datetime) -> None:
    job = advance(submitting, Reported(STARTED), now, POLICY)
    assert (job.phase, job.server_job, job.link) == (Phase.RUNNING, "23", "https://eln/23")
    assert decide(job, now, POLICY) == Wait(1.0, "the server to finish the export")
    assert decide(job, now + timedelta(seconds=1), POLICY) == Poll()


def test_server_may_ask_for_a_longer_wait(submitting: ExportJob, now: datetime) -> None:
    job = advance(submitting, Reported(replace(STARTED, wait=300.0)), now, POLICY)
    assert job.pause == 300.0


def test_job_may_be_completed_at_once(submitting: ExportJob, now: datetime, offer: Offer) -> None:
    status = replace(STARTED, state=JobState.COMPLETED, offer=offer)
    assert advance(submitting, Reported(status), now, POLICY).phase is Phase.COMPLETED


def test_refusal_for_lack_of_room_is_tried_again(submitting: ExportJob, now: datetime) -> None:
    status = JobStatus("", "", JobState.FAILED, reason="The queue is full.")
    job = advance(submitting, Reported(status), now, POLICY)
    assert (job.phase, job.failures, job.waiting_for) == (Phase.PLANNED, 1, "The queue is full.")
    assert isinstance(decide(job, now, POLICY), Wait)


def test_request_that_never_arrived_is_repeated(submitting: ExportJob, now: datetime) -> None:
    job = advance(submitting, Unreachable("Connection refused."), now, POLICY)
    assert (job.phase, job.failures, job.losses) == (Phase.PLANNED, 1, 0)


def test_lost_answer_is_remembered_and_the_server_left_alone(
    submitting: ExportJob, now: datetime
) -> None:
    job = advance(submitting, Lost("Timed out."), now, POLICY)
    assert (job.phase, job.losses) == (Phase.UNCERTAIN, 1)
    assert job.pause == POLICY.settle == 120.0
    assert decide(job, now + timedelta(seconds=120), POLICY) == Submit()


@pytest.mark.parametrize("event", [Busy("Another runs."), Unreachable("Connection refused.")])
def test_job_stays_uncertain_after_a_lost_answer(event: Busy | Unreachable, now: datetime) -> None:
    before = ExportJob(phase=Phase.SUBMITTING, losses=1)
    assert advance(before, event, now, POLICY).phase is Phase.UNCERTAIN


def test_too_many_lost_answers_end_the_job(now: datetime) -> None:
    job = ExportJob()
    for _ in range(POLICY.max_losses):
        job = advance(advance(job, Submitting(), now, POLICY), Lost("Timed out."), now, POLICY)
        assert job.phase is Phase.UNCERTAIN
    job = advance(advance(job, Submitting(), now, POLICY), Lost("Timed out"), now, POLICY)
    assert (job.phase, job.exit_code) == (Phase.FAILED, 1)
    assert job.reason.startswith("The answer to the export request was lost 4 times: Timed out. ")


def test_busy_slot_is_waited_for(submitting: ExportJob, now: datetime) -> None:
    job = advance(submitting, Busy("Another runs."), now, POLICY)
    assert (job.phase, job.pause) == (Phase.PLANNED, 60.0)
    assert job.waiting_for == "another export of the same user to finish"
    assert decide(job, now + timedelta(seconds=60), POLICY) == Submit()


def test_busy_server_may_ask_for_a_longer_wait(submitting: ExportJob, now: datetime) -> None:
    assert advance(submitting, Busy("Another runs.", wait=90.0), now, POLICY).pause == 90.0


def test_busy_server_was_reached(now: datetime) -> None:
    before = ExportJob(phase=Phase.SUBMITTING, failures=7)
    assert advance(before, Busy("Another runs."), now, POLICY).failures == 0


@pytest.mark.parametrize(("hours", "phase"), [(0.9, Phase.PLANNED), (1.1, Phase.FAILED)])
def test_busy_slot_is_waited_for_up_to_job_timeout(
    hours: float, phase: Phase, submitting: ExportJob, now: datetime
) -> None:
    job = advance(submitting, Busy("Another runs."), now, POLICY)
    later = now + timedelta(hours=hours)
    job = advance(advance(job, Submitting(), later, POLICY), Busy("It runs"), later, POLICY)
    assert job.phase is phase


def test_slot_that_stays_busy_ends_with_advice(submitting: ExportJob, now: datetime) -> None:
    later = now + timedelta(hours=2)
    job = advance(submitting, Busy("Another runs."), now, POLICY)
    job = advance(job, Busy("It runs"), later, POLICY)
    assert "for more than 3600 s (job_timeout)" in job.reason
    assert "It runs. After a restart of the server" in job.reason
    assert "administrator" in job.reason


def test_time_waited_for_the_slot_is_not_the_jobs(submitting: ExportJob, now: datetime) -> None:
    job = advance(submitting, Busy("Another runs."), now, POLICY)
    began = now + timedelta(minutes=50)
    job = advance(advance(job, Submitting(), began, POLICY), Reported(STARTED), began, POLICY)
    job = advance(job, Reported(STARTED), now + timedelta(minutes=100), POLICY)
    assert job.phase is Phase.RUNNING


@pytest.mark.parametrize("exit_code", [1, 5])
def test_refused_request_ends_the_job(exit_code: int, submitting: ExportJob, now: datetime) -> None:
    job = advance(submitting, Ended("The key is wrong.", exit_code), now, POLICY)
    assert (job.phase, job.reason, job.exit_code) == (Phase.FAILED, "The key is wrong.", exit_code)


FINDING = replace(POLICY, can_find=True)


@pytest.fixture
def uncertain(now: datetime) -> ExportJob:
    """A job whose submission got no answer, of a source that can look for it."""
    submitting = advance(ExportJob(), Submitting(["7"]), now, FINDING)
    return advance(submitting, Lost("Timed out."), now, FINDING)


def test_lost_job_is_looked_for_before_another_is_begun(
    uncertain: ExportJob, now: datetime
) -> None:
    later = now + timedelta(seconds=120)
    assert decide(uncertain, later, FINDING) == Find()
    assert decide(advance(uncertain, Unreachable("x"), now, FINDING), later, FINDING) == Find()
    restarted = advance(uncertain, Restarted(), now, FINDING)
    assert (decide(restarted, later, FINDING), restarted.noted) == (Find(), ["7"])


def test_process_that_ended_before_the_answer_leads_to_a_search(now: datetime) -> None:
    submitting = advance(ExportJob(), Submitting(), now, FINDING)
    job = advance(submitting, Restarted(), now, FINDING)
    assert decide(job, now + timedelta(seconds=120), FINDING) == Find()


def test_job_that_was_found_goes_on(uncertain: ExportJob, now: datetime) -> None:
    job = advance(uncertain, Found(STARTED), now, FINDING)
    assert (job.phase, job.server_job, job.since, job.ours) == (Phase.RUNNING, "23", now, True)
    assert decide(job, now + timedelta(seconds=60), FINDING) == Poll()


def test_job_that_was_found_failed_has_failed(uncertain: ExportJob, now: datetime) -> None:
    failed = replace(STARTED, state=JobState.FAILED, reason="Out of memory.")
    job = advance(uncertain, Found(failed), now, FINDING)
    assert (job.phase, job.server_job) == (Phase.FAILED, "23")


def test_job_that_is_nowhere_is_asked_for_at_once(uncertain: ExportJob, now: datetime) -> None:
    job = advance(uncertain, Found(None), now, FINDING)
    assert (job.phase, decide(job, now, FINDING)) == (Phase.PLANNED, Submit())
    # What the server had before the first of both is what tells.
    again = advance(job, Submitting(["7", "8"]), now + timedelta(hours=1), FINDING)
    assert (again.noted, again.noted_at) == (["7"], now)
    assert decide(advance(again, Busy("x"), now, FINDING), now, FINDING) == Wait(
        60.0, "another export of the same user to finish"
    )
    assert advance(again, Busy("x"), now, FINDING).phase is Phase.UNCERTAIN


@pytest.mark.parametrize(
    ("policy", "ours", "is_due"),
    [
        (replace(POLICY, can_release=True), True, True),
        (replace(POLICY, can_release=True), False, False),
        (POLICY, True, False),
    ],
)
def test_job_is_released_when_it_is_over_and_only_if_it_is_ours(
    *, policy: Policy, ours: bool, is_due: bool, running: ExportJob, now: datetime
) -> None:
    before = replace(running, ours=ours)
    after = advance(before, Ended("Refused.", 5), now, policy)
    assert job_to_release(before, before, policy) is None
    assert (job_to_release(before, after, policy) is not None) is is_due


def test_expired_job_is_released_when_another_takes_its_place(
    running: ExportJob, now: datetime
) -> None:
    policy = replace(POLICY, can_release=True, max_gone=1)
    after = advance(running, Gone("404"), now, policy)
    assert after == ExportJob(renewals=1)
    assert job_to_release(running, after, policy) == running
