"""From the plan to a job that the server knows."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from labferry.lifecycle import ExportJob, Phase, Policy, advance, decide
from labferry.lifecycle.decisions import Poll, Submit, Wait
from labferry.lifecycle.events import Busy, Ended, Lost, Reported, Submitting, Unreachable
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
