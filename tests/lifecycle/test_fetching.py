"""From an archive on offer to its delivery."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from labferry.lifecycle import ExportJob, Phase, Policy, advance, decide
from labferry.lifecycle.decisions import Deliver, Poll
from labferry.lifecycle.events import (
    Corrupted,
    Delivered,
    Downloaded,
    Downloading,
    Ended,
    Forgotten,
    Gone,
    Misplaced,
    Unreachable,
)
from labferry.sdk import Digests, Offer

POLICY = Policy(poll_interval=60.0)


@pytest.fixture
def offered(running: ExportJob, offer: Offer, now: datetime) -> ExportJob:
    return replace(
        running,
        phase=Phase.COMPLETED,
        offer=offer,
        completed_at=now,
        expires_at=now + timedelta(days=1),
    )


def test_validator_is_kept_for_resuming(offered: ExportJob, now: datetime) -> None:
    job = advance(offered, Downloading('"etag"'), now, POLICY)
    assert (job.phase, job.validator) == (Phase.COMPLETED, '"etag"')
    assert advance(job, Downloading(None), now, POLICY).validator is None


def test_downloaded_archive_is_delivered(
    offered: ExportJob, digests: Digests, now: datetime
) -> None:
    job = advance(replace(offered, failures=3), Downloaded(digests), now, POLICY)
    assert (job.phase, job.digests, job.verified_at) == (Phase.VERIFIED, digests, now)
    assert decide(job, now, POLICY) == Deliver()
    assert advance(job, Delivered(), now, POLICY).phase is Phase.DONE


def test_broken_download_asks_for_a_new_link_before_it_goes_on(
    offered: ExportJob, now: datetime
) -> None:
    job = advance(offered, Unreachable("Reset."), now, POLICY)
    assert (job.phase, job.failures, job.pause) == (Phase.RUNNING, 1, 10.0)
    assert decide(job, now + timedelta(seconds=10), POLICY) == Poll()
    assert (job.offer, job.completed_at) == (offered.offer, offered.completed_at)


def test_download_that_gets_further_each_time_is_never_given_up(
    offered: ExportJob, now: datetime
) -> None:
    before = replace(offered, failures=7)
    assert advance(before, Unreachable("Reset.", progressed=True), now, POLICY).failures == 1


def test_corrupted_download_is_repeated_a_few_times(offered: ExportJob, now: datetime) -> None:
    job = offered
    for count in (1, 2):
        job = advance(job, Corrupted("The CRC-32 differs"), now, POLICY)
        assert (job.phase, job.corrupted) == (Phase.RUNNING, count)
        assert job.waiting_for == "another download"
    job = advance(job, Corrupted("The CRC-32 differs"), now, POLICY)
    assert (job.phase, job.exit_code) == (Phase.FAILED, 4)
    assert job.reason == "The archive was refused after 3 downloads: The CRC-32 differs."


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.COMPLETED])
def test_job_that_the_server_forgot_is_exported_once_more(
    offered: ExportJob, now: datetime, phase: Phase
) -> None:
    job = advance(replace(offered, phase=phase), Forgotten("404"), now, POLICY)
    assert job == ExportJob(renewals=1)
    again = replace(offered, phase=phase, renewals=1)
    job = advance(again, Forgotten("404"), now, POLICY)
    assert (job.phase, job.exit_code) == (Phase.FAILED, 1)
    assert job.reason == "The server does not know the job any more: 404."


def test_archive_that_is_not_there_yet_is_waited_for(offered: ExportJob, now: datetime) -> None:
    job = advance(offered, Gone("404"), now, POLICY)
    assert (job.phase, job.gone, job.renewals) == (Phase.RUNNING, 1, 0)
    assert job.waiting_for == "the archive to appear"


def test_archive_that_stays_away_leads_to_one_new_export(offered: ExportJob, now: datetime) -> None:
    job = replace(offered, gone=2)
    assert advance(job, Gone("404"), now, POLICY) == ExportJob(renewals=1)


def test_expired_archive_leads_to_one_new_export_at_once(offered: ExportJob, now: datetime) -> None:
    assert advance(offered, Gone("404"), now + timedelta(days=2), POLICY) == ExportJob(renewals=1)


def test_second_expiry_fails(offered: ExportJob, now: datetime) -> None:
    job = advance(replace(offered, renewals=1, gone=2), Gone("404"), now, POLICY)
    assert (job.phase, job.exit_code) == (Phase.FAILED, 1)
    assert job.reason == "The server no longer has the archive: 404."


def test_archive_lost_from_the_spool_is_asked_for_again(
    offered: ExportJob, digests: Digests, now: datetime
) -> None:
    verified = advance(offered, Downloaded(digests), now, POLICY)
    job = advance(verified, Misplaced(), now, POLICY)
    # What some destinations have already is what the others get.
    assert (job.phase, job.digests, job.verified_at) == (Phase.RUNNING, digests, None)
    assert (job.submitted_at, job.server_job) == (offered.submitted_at, "23")


@pytest.mark.parametrize("phase", [phase for phase in Phase if not phase.is_over])
def test_any_phase_can_be_ended(phase: Phase, now: datetime) -> None:
    job = advance(ExportJob(phase=phase), Ended("Its source is gone.", 1), now, POLICY)
    assert (job.phase, job.reason, job.exit_code) == (Phase.FAILED, "Its source is gone.", 1)
