"""From a job that the server knows to an archive on offer."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from labferry.lifecycle import ExportJob, Phase, Policy, advance, decide
from labferry.lifecycle.decisions import Download, Suspend, Wait
from labferry.lifecycle.events import Reported, Unreachable
from labferry.sdk import DownloadCheck, JobState, JobStatus, Offer

POLICY = Policy(poll_interval=60.0, job_timeout=3600.0)


def status(state: JobState, *, reason: str = "", wait: float = 0.0) -> JobStatus:
    return JobStatus("23", "", state, reason=reason, wait=wait)


def completed(offer: Offer | None, *, wait: float = 0.0) -> Reported:
    return Reported(replace(status(JobState.COMPLETED, wait=wait), offer=offer))


def test_progress_is_noted_and_the_job_polled_again(running: ExportJob, now: datetime) -> None:
    report = replace(status(JobState.RUNNING), percent=40.0, link="https://eln/23/new")
    now += timedelta(minutes=10)
    job = advance(running, Reported(report), now, POLICY)
    assert (job.phase, job.percent, job.link) == (Phase.RUNNING, 40.0, "https://eln/23/new")
    assert decide(job, now, POLICY) == Wait(60.0, "the server to finish the export")


def test_job_keeps_the_name_and_link_it_began_with(running: ExportJob, now: datetime) -> None:
    report = JobStatus("", "", JobState.RUNNING)
    job = advance(running, Reported(report), now, POLICY)
    assert (job.server_job, job.link) == ("23", "https://eln/23")


@pytest.mark.parametrize(
    ("age", "expected"), [(-3600, 1.0), (0, 1.0), (4, 1.0), (60, 15.0), (240, 60.0), (3000, 60.0)]
)
def test_the_older_a_job_the_longer_until_the_next_question(
    age: int, expected: float, running: ExportJob, now: datetime
) -> None:
    """Never longer than `poll_interval`; a clock that was set back does no harm."""
    later = now + timedelta(seconds=age)
    assert advance(running, Reported(status(JobState.RUNNING)), later, POLICY).pause == expected


def test_little_time_is_lost_at_the_end_of_a_short_export_and_little_is_asked_of_a_long_one(
    running: ExportJob, now: datetime
) -> None:
    job, asked = advance(running, Reported(status(JobState.RUNNING)), now, POLICY), 0
    later = now
    while later < now + timedelta(minutes=10):
        later += timedelta(seconds=job.pause)
        job, asked = advance(job, Reported(status(JobState.RUNNING)), later, POLICY), asked + 1
        assert job.pause <= max(1.0, (later - now).total_seconds() / 4)
    assert asked < 30, "the server is not asked much more often than once a minute"


@pytest.mark.parametrize(("asked", "expected"), [(0.0, 1.0), (59.0, 59.0), (120.0, 120.0)])
def test_polls_no_more_often_than_the_server_asks(
    asked: float, expected: float, running: ExportJob, now: datetime
) -> None:
    job = advance(running, Reported(status(JobState.RUNNING, wait=asked)), now, POLICY)
    assert job.pause == expected


@pytest.mark.parametrize(("minutes", "phase"), [(59, Phase.RUNNING), (61, Phase.FAILED)])
def test_job_that_never_ends_is_given_up_after_job_timeout(
    minutes: int, phase: Phase, running: ExportJob, now: datetime
) -> None:
    later = now + timedelta(minutes=minutes)
    job = advance(running, Reported(status(JobState.RUNNING)), later, POLICY)
    assert job.phase is phase
    assert ("(job_timeout)" in job.reason) == (phase is Phase.FAILED)


def test_job_that_ends_late_is_fetched_all_the_same(
    running: ExportJob, now: datetime, offer: Offer
) -> None:
    job = advance(running, completed(offer), now + timedelta(hours=5), POLICY)
    assert job.phase is Phase.COMPLETED


@pytest.mark.parametrize(
    ("reason", "shown"),
    [("Disk full", "Disk full."), ("Gone!", "Gone!"), (" ", "no reason was given.")],
)
def test_failed_export_ends_with_the_servers_own_words(
    reason: str, shown: str, running: ExportJob, now: datetime
) -> None:
    job = advance(running, Reported(status(JobState.FAILED, reason=reason)), now, POLICY)
    assert (job.phase, job.exit_code) == (Phase.FAILED, 1)
    assert job.reason == f"The server ended the export: {shown}"


def test_offer_is_downloaded_at_once(running: ExportJob, now: datetime, offer: Offer) -> None:
    job = advance(running, completed(offer), now, POLICY)
    assert (job.phase, job.offer, job.completed_at) == (Phase.COMPLETED, offer, now)
    assert decide(job, now, POLICY) == Download()


def test_download_waits_as_the_server_asks(running: ExportJob, now: datetime, offer: Offer) -> None:
    job = advance(running, completed(offer, wait=7.0), now, POLICY)
    assert decide(job, now, POLICY) == Wait(7.0, "the server to allow the download")


def test_expiry_counts_from_when_completion_was_first_seen(
    running: ExportJob, now: datetime, offer: Offer
) -> None:
    job = advance(running, completed(offer), now, POLICY)
    again = advance(job, completed(offer), now + timedelta(hours=9), POLICY)
    assert (again.completed_at, again.expires_at) == (now, now + timedelta(days=1))


def test_empty_archive_is_an_offer(running: ExportJob, now: datetime) -> None:
    job = advance(running, completed(Offer("https://eln/23.zip", 0, 0)), now, POLICY)
    assert (job.phase, job.expires_at) == (Phase.COMPLETED, None)


@pytest.mark.parametrize(
    ("offer", "missing"),
    [
        (None, "a download link"),
        (Offer(None, 1, 1), "a download link"),
        (Offer("", 1, 1), "a download link"),
        (Offer("https://eln/23.zip", None, 1), "a size"),
        (Offer("https://eln/23.zip", 1, None), "a checksum"),
    ],
)
def test_completion_that_lacks_something_fails(
    offer: Offer | None, missing: str, running: ExportJob, now: datetime
) -> None:
    strict = replace(POLICY, require_digest=True)
    job = advance(running, completed(offer), now, strict)
    assert (job.phase, job.exit_code) == (Phase.FAILED, 1)
    assert f"offers no archive with {missing}." in job.reason


@pytest.mark.parametrize(
    ("offer", "check"),
    [
        (Offer("x", 1, 1), DownloadCheck.DECLARED_DIGEST),
        (Offer("x", sha512="ab" * 64), DownloadCheck.DECLARED_DIGEST),
        (Offer("x", md5="ab" * 16), DownloadCheck.DECLARED_DIGEST),
        (Offer("x", 1), DownloadCheck.DECLARED_SIZE),
        (Offer("x", crc32=1), DownloadCheck.NONE),
        (Offer("x"), DownloadCheck.NONE),
    ],
)
def test_undeclared_archive_is_accepted_unless_a_digest_is_required(
    offer: Offer, check: DownloadCheck, running: ExportJob, now: datetime
) -> None:
    job = advance(running, completed(offer), now, POLICY)
    assert (job.phase, job.download_check) == (Phase.COMPLETED, check)
    strict = advance(running, completed(offer), now, replace(POLICY, require_digest=True))
    is_enough = check is DownloadCheck.DECLARED_DIGEST
    assert strict.phase is (Phase.COMPLETED if is_enough else Phase.FAILED)


def test_export_in_several_files_is_refused(
    running: ExportJob, now: datetime, offer: Offer
) -> None:
    several = replace(status(JobState.COMPLETED), offer=offer, files=3)
    job = advance(running, Reported(several), now, POLICY)
    assert (job.phase, job.exit_code) == (Phase.FAILED, 1)
    assert job.reason.startswith("The server offers this export as 3 files.")


def test_offer_that_was_whole_before_has_expired(
    running: ExportJob, now: datetime, offer: Offer
) -> None:
    job = advance(running, completed(offer), now, POLICY)
    job = advance(job, completed(replace(offer, link=None)), now, POLICY)
    assert job == ExportJob(renewals=1)


def test_broken_answers_are_asked_again_a_few_times(running: ExportJob, now: datetime) -> None:
    job = running
    for count in range(1, POLICY.max_broken):
        job = advance(job, Reported(status(JobState.BROKEN)), now, POLICY)
        assert (job.phase, job.broken) == (Phase.RUNNING, count)
        assert decide(job, now, POLICY) == Wait(60.0, "the server to recover")
    job = advance(job, Reported(status(JobState.BROKEN, reason="Error 500")), now, POLICY)
    assert (job.phase, job.exit_code) == (Phase.FAILED, 1)
    assert job.reason.startswith("The server answered 5 times in a row")
    assert job.reason.endswith("an export that failed: Error 500.")


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.COMPLETED])
def test_good_answer_forgets_broken_ones(
    state: JobState, running: ExportJob, now: datetime, offer: Offer
) -> None:
    report = replace(status(state), offer=offer if state is JobState.COMPLETED else None)
    job = advance(replace(running, broken=4), Reported(report), now, POLICY)
    assert job.broken == 0


def test_broken_answers_about_an_archive_that_was_on_offer_lead_to_a_new_export(
    running: ExportJob, now: datetime
) -> None:
    before = replace(running, completed_at=now, broken=4)
    job = advance(before, Reported(status(JobState.BROKEN)), now, POLICY)
    assert job == ExportJob(renewals=1)


def test_failures_back_off_and_then_leave_the_job_to_the_next_run(
    running: ExportJob, now: datetime
) -> None:
    job, pauses = advance(running, Unreachable("Connection refused."), now, POLICY), []
    while isinstance(decision := decide(job, now, POLICY), Wait):
        pauses.append(job.pause)
        now += timedelta(seconds=job.pause)
        job = advance(job, Unreachable("Connection refused."), now, POLICY)
        assert job.phase is Phase.RUNNING
    assert pauses[:8] == [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    assert sum(pauses) == 7200, "the last try is at the very end of the run's patience"
    assert decision == Suspend("Connection refused.", unfinished=False)


def test_the_last_try_is_at_the_end_of_the_runs_time(running: ExportJob, now: datetime) -> None:
    policy = replace(POLICY, patience=None, deadline=now + timedelta(seconds=15))
    job = advance(running, Unreachable("Reset."), now, policy)
    assert job.pause == 10
    now += timedelta(seconds=10)
    job = advance(job, Unreachable("Reset."), now, policy)
    assert decide(job, now, policy) == Wait(5.0, "Reset.")
    now += timedelta(seconds=5)
    job = advance(job, Unreachable("Reset."), now, policy)
    assert isinstance(decide(job, now, policy), Suspend)


def test_backoff_is_short_where_polling_is(running: ExportJob, now: datetime) -> None:
    quick = Policy(poll_interval=0.01)
    assert advance(running, Unreachable("Reset."), now, quick).pause == 0.02


def test_server_may_ask_for_a_longer_wait_after_a_failure(
    running: ExportJob, now: datetime
) -> None:
    assert advance(running, Unreachable("Slow down.", wait=77.0), now, POLICY).pause == 77.0


def test_good_answer_forgets_failures(running: ExportJob, now: datetime) -> None:
    before = replace(running, failures=7)
    assert advance(before, Reported(status(JobState.RUNNING)), now, POLICY).failures == 0
