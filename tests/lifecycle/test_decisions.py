"""What to do next with a job: a table of jobs and decisions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from labferry.lifecycle import ExportJob, Phase, Policy, decide
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

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POLICY = Policy(poll_interval=60.0)
IN_A_MINUTE = Policy(poll_interval=60.0, deadline=NOW + timedelta(seconds=60))
LONG_AGO = Policy(poll_interval=60.0, deadline=NOW - timedelta(days=1))
WAITING = (Phase.PLANNED, Phase.UNCERTAIN, Phase.RUNNING, Phase.COMPLETED)

AT_ONCE: dict[Phase, Decision] = {
    Phase.PLANNED: Submit(),
    Phase.UNCERTAIN: Submit(),
    Phase.RUNNING: Poll(),
    Phase.COMPLETED: Download(),
    Phase.VERIFIED: Deliver(),
    Phase.DONE: End(),
    Phase.FAILED: End(),
}


def later(phase: Phase, seconds: float, *, pause: float | None = None) -> ExportJob:
    return ExportJob(
        phase=phase,
        not_before=NOW + timedelta(seconds=seconds),
        pause=seconds if pause is None else pause,
        waiting_for="the server to finish the export",
    )


@pytest.mark.parametrize(("phase", "decision"), AT_ONCE.items(), ids=str)
def test_what_can_be_done_is_done_at_once(phase: Phase, decision: Decision) -> None:
    assert decide(ExportJob(phase=phase), NOW, POLICY) == decision


@pytest.mark.parametrize(("phase", "decision"), AT_ONCE.items(), ids=str)
def test_deadline_limits_waiting_only(phase: Phase, decision: Decision) -> None:
    assert decide(ExportJob(phase=phase), NOW, LONG_AGO) == decision


@pytest.mark.parametrize(("phase", "decision"), AT_ONCE.items(), ids=str)
@pytest.mark.parametrize("seconds", [0, -1, -100_000])
def test_moment_that_has_come_is_no_wait(phase: Phase, decision: Decision, seconds: float) -> None:
    assert decide(later(phase, seconds, pause=60), NOW, POLICY) == decision


@pytest.mark.parametrize("phase", WAITING)
@pytest.mark.parametrize("seconds", [0.5, 60.0, 3600.0])
def test_waits_until_its_moment_and_says_for_what(phase: Phase, seconds: float) -> None:
    expected = Wait(seconds, "the server to finish the export")
    assert decide(later(phase, seconds), NOW, POLICY) == expected


@pytest.mark.parametrize("phase", WAITING)
def test_never_waits_longer_than_was_meant(phase: Phase) -> None:
    decision = decide(later(phase, 1_000_000.0, pause=60.0), NOW, POLICY)
    assert decision == Wait(60.0, "the server to finish the export")


@pytest.mark.parametrize("phase", WAITING)
def test_waits_up_to_the_deadline(phase: Phase) -> None:
    assert isinstance(decide(later(phase, 60.0), NOW, IN_A_MINUTE), Wait)


@pytest.mark.parametrize("phase", WAITING)
@pytest.mark.parametrize("policy", [IN_A_MINUTE, LONG_AGO], ids=["ahead", "passed"])
def test_wait_beyond_the_deadline_leaves_the_job_unfinished(phase: Phase, policy: Policy) -> None:
    decision = decide(later(phase, 60.1), NOW, policy)
    assert isinstance(decision, Suspend)
    assert decision.unfinished
    assert "max_wait" in decision.reason
    assert decision.reason.endswith("the server to finish the export.")


@pytest.mark.parametrize("phase", [Phase.VERIFIED, Phase.DONE, Phase.FAILED])
def test_nothing_is_waited_for_once_the_archive_is_verified(phase: Phase) -> None:
    assert decide(later(phase, 60.0), NOW, LONG_AGO) == AT_ONCE[phase]


@pytest.mark.parametrize("phase", WAITING)
@pytest.mark.parametrize("hours", [2.1, 9])
def test_server_that_is_down_for_too_long_leaves_the_job_to_the_next_run(
    phase: Phase, hours: float
) -> None:
    job = replace(_failing(phase, hours), not_before=NOW + timedelta(seconds=1), pause=1.0)
    assert decide(job, NOW, POLICY) == Suspend("Connection refused.", unfinished=False)


@pytest.mark.parametrize("phase", WAITING)
def test_server_that_is_down_for_less_is_asked_again(phase: Phase) -> None:
    assert not isinstance(decide(_failing(phase, 1.9), NOW, POLICY), Suspend)


@pytest.mark.parametrize("phase", WAITING)
def test_server_that_is_down_is_asked_again_until_the_deadline(phase: Phase) -> None:
    job, wait = _failing(phase, 9), timedelta(minutes=5)
    job = replace(job, not_before=NOW + wait, pause=wait.total_seconds())
    patient = replace(POLICY, patience=None, deadline=NOW + 2 * wait)
    assert decide(job, NOW, patient) == Wait(300, "Connection refused.")
    # It is down: that is a failure, and not only an export that takes its time.
    over = replace(patient, deadline=NOW + wait / 2)
    assert decide(job, NOW, over) == Suspend("Connection refused.", unfinished=False)


def _failing(phase: Phase, hours: float) -> ExportJob:
    return ExportJob(
        phase=phase,
        failures=8,
        failing_since=NOW - timedelta(hours=hours),
        waiting_for="Connection refused.",
    )


@pytest.mark.parametrize("phase", WAITING)
def test_one_failure_less_goes_on(phase: Phase) -> None:
    assert decide(ExportJob(phase=phase, failures=7), NOW, POLICY) == AT_ONCE[phase]


def test_failures_do_not_stop_a_verified_archive() -> None:
    assert decide(ExportJob(phase=Phase.VERIFIED, failures=99), NOW, POLICY) == Deliver()


def test_only_three_phases_are_over() -> None:
    over = {phase for phase in Phase if phase.is_over}
    assert over == {Phase.DONE, Phase.UNCHANGED, Phase.FAILED}
