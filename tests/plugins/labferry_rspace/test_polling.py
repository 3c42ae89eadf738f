import json
from collections.abc import Callable

import pytest
from tests.paths import REAL_EXPORTS

from labferry.sdk import (
    InvalidAnswerError,
    JobState,
    JobStatus,
    NotFoundError,
    RefusedError,
    TransientError,
)
from labferry.testing.rspace import (
    BOB_KEY,
    SYSADMIN_KEY,
    Answer,
    Fault,
    JobEnds,
    JobTiming,
    Limit,
    Options,
    Outcome,
    Redirect,
    Reset,
    SimulatedRSpace,
    Stall,
    Throttling,
    html_answer,
    json_answer,
)
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Submit = Callable[[RSpaceSource], JobStatus]

FOREVER = Options(timing=JobTiming(queue=0, run=600))


def ended(server: SimulatedRSpace, outcome: Outcome, reason: str | None = None) -> None:
    server.faults.add(Fault("job", JobEnds(outcome, reason)))


def answered(body: object, status: int = 200) -> Fault:
    return Fault("poll", Answer(status, json.dumps(body).encode(), "application/json"))


def poll(source: RSpaceSource, job: str = "23", link: str = "") -> JobStatus:
    return source.poll(job, link, source.lanes()[0])


def test_a_running_job_has_a_percentage_and_no_offer(
    serve: Serve, connect: Connect, submit: Submit
) -> None:
    source = connect(serve(FOREVER))
    submit(source)
    status = poll(source)
    assert status.state is JobState.RUNNING
    assert status.percent is not None
    assert 0 < status.percent <= 100
    assert status.offer is None
    assert status.wait == 0


def test_a_queued_job_runs_without_a_percentage(
    serve: Serve, connect: Connect, submit: Submit
) -> None:
    source = connect(serve(Options(timing=JobTiming(queue=600))))
    submit(source)
    assert (poll(source).state, poll(source).percent) == (JobState.RUNNING, None)


def test_failed_carries_the_servers_reasons(
    server: SimulatedRSpace, connect: Connect, finish: Submit
) -> None:
    ended(server, Outcome.FAILED, "no space left on device")
    status = finish(connect(server))
    assert status.state is JobState.FAILED
    assert "internal error" in status.reason
    assert "no space left on device" in status.reason
    assert "FAILED" in status.reason


@pytest.mark.parametrize("outcome", [Outcome.ABANDONED, Outcome.STOPPED])
def test_abandoned_and_stopped_are_failures_named_by_their_status(
    server: SimulatedRSpace, connect: Connect, finish: Submit, outcome: Outcome
) -> None:
    ended(server, outcome)
    status = finish(connect(server))
    assert status.state is JobState.FAILED
    assert outcome.value in status.reason


@pytest.mark.parametrize("word", ["STARTING", "STARTED", "STOPPING", "RUNNING"])
def test_every_word_for_being_at_work_is_running(
    server: SimulatedRSpace, connect: Connect, word: str
) -> None:
    server.faults.add(answered({"id": 23, "status": word, "percentComplete": -1.0}))
    assert poll(connect(server)).state is JobState.RUNNING


@pytest.mark.parametrize("word", ["UNKNOWN", "SOMETHING_NEW"])
def test_unknown_and_words_never_heard_are_broken(
    server: SimulatedRSpace, connect: Connect, word: str
) -> None:
    server.faults.add(answered({"id": 23, "status": word, "result": None}))
    status = poll(connect(server))
    assert status.state is JobState.BROKEN
    assert word in status.reason


@pytest.mark.parametrize("outcome", [Outcome.UNREADABLE, Outcome.UNKNOWN])
def test_trap_1_a_failed_export_that_reads_as_500_for_ever_is_broken_with_the_reason(
    server: SimulatedRSpace, connect: Connect, finish: Submit, outcome: Outcome
) -> None:
    ended(server, outcome)
    source = connect(server)
    status = finish(source)
    assert status.state is JobState.BROKEN
    assert poll(source).state is JobState.BROKEN
    assert ("[result] is not of type" if outcome is Outcome.UNREADABLE else "UNKNOWN") in (
        status.reason
    )


def test_trap_1_a_failed_upload_to_s3_is_broken_too(
    serve: Serve, connect: Connect, finish: Submit
) -> None:
    server = serve(Options(presigned=True))
    ended(server, Outcome.UPLOAD_FAILED)
    status = finish(connect(server))
    assert status.state is JobState.BROKEN
    assert "Couldn't find export on S3" in status.reason


def test_a_prefix_of_more_than_seven_days_is_broken_too(
    serve: Serve, connect: Connect, finish: Submit
) -> None:
    status = finish(connect(serve(Options(presigned=True, storage_time=8 * 86400))))
    assert status.state is JobState.BROKEN


def test_404_no_such_job(server: SimulatedRSpace, connect: Connect) -> None:
    with pytest.raises(NotFoundError, match="No job execution"):
        poll(connect(server), "999")


@pytest.mark.parametrize("key", [BOB_KEY, SYSADMIN_KEY])
def test_401_for_anyone_but_the_submitter_a_sysadmin_included(
    server: SimulatedRSpace, connect: Connect, submit: Submit, key: str
) -> None:
    submit(connect(server))
    with pytest.raises(RefusedError, match="not this account's"):
        poll(connect(server, key))


def test_400_is_invalid(server: SimulatedRSpace, connect: Connect) -> None:
    server.faults.add(Fault("poll", json_answer(400, 40002, "For input string")))
    with pytest.raises(InvalidAnswerError, match="For input string"):
        poll(connect(server))


@pytest.mark.parametrize("job", ["", "x", "-1", "1/../2", "²", "1 "])
def test_a_job_that_is_no_number_is_not_asked_for(
    server: SimulatedRSpace, connect: Connect, job: str
) -> None:
    with pytest.raises(InvalidAnswerError, match="no job of RSpace"):
        poll(connect(server), job)
    assert [request.kind for request in server.requests] == ["whoami"]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(html_answer(500), id="500 web page"),
        pytest.param(html_answer(502), id="502"),
        pytest.param(html_answer(503), id="503"),
        pytest.param(html_answer(504), id="504"),
        pytest.param(html_answer(404), id="404 of a server that starts"),
        pytest.param(html_answer(200), id="maintenance page"),
        pytest.param(Answer(200), id="empty"),
        pytest.param(Answer(200, b"{"), id="broken"),
        pytest.param(Answer(200, b'{"id":24,"status":"STARTED"}'), id="another job"),
        pytest.param(json_answer(200, 1, "something else"), id="an ApiError with status 200"),
        pytest.param(Redirect("https://login.example.edu/"), id="login"),
        pytest.param(Reset(), id="reset"),
    ],
)
def test_what_is_not_the_servers_word_on_the_job_is_transient(
    server: SimulatedRSpace, connect: Connect, submit: Submit, act: Answer
) -> None:
    source = connect(server)
    submit(source)
    server.faults.add(Fault("poll", act))
    with pytest.raises(TransientError):
        poll(source)


def test_a_silent_server_is_transient(server: SimulatedRSpace, connect: Connect) -> None:
    server.faults.add(Fault("poll", Stall()))
    with pytest.raises(TransientError, match="silent for"):
        poll(connect(server, read_timeout="50ms"))


def test_503_says_how_long_to_wait(server: SimulatedRSpace, connect: Connect) -> None:
    server.faults.add(Fault("poll", Answer(503, headers=(("Retry-After", "120"),))))
    with pytest.raises(TransientError) as caught:
        poll(connect(server))
    assert caught.value.retry_after == 120


def test_429_says_how_long_to_wait(serve: Serve, connect: Connect, submit: Submit) -> None:
    server = serve(Options(throttling=Throttling(quarter_min=Limit(3, 15), min_interval_ms=0)))
    source = connect(server)
    submit(source)
    with pytest.raises(TransientError) as caught:
        poll(source)
    assert caught.value.retry_after == pytest.approx(5, abs=1)


def test_the_self_link_is_followed_at_the_configured_address_only(
    serve: Serve, connect: Connect, submit: Submit
) -> None:
    other = serve()
    server = serve(Options(urls_prefix=f"{other.url}/", timing=JobTiming(run=600)))
    source = connect(server)
    status = submit(source)
    assert status.link == f"{server.url}/api/v1/jobs/23"
    assert poll(source, "23", f"{other.url}/api/v1/jobs/23").job == "23"
    assert other.requests == []


@pytest.mark.parametrize("link", ["", "nonsense", "https://evil.example.com/", "/api/v1/export/a"])
def test_a_link_that_leads_elsewhere_is_replaced_by_the_jobs_own(
    serve: Serve, connect: Connect, submit: Submit, link: str
) -> None:
    source = connect(serve(FOREVER))
    submit(source)
    assert poll(source, "23", link).link.endswith("/api/v1/jobs/23")


def test_trap_4_a_restart_leaves_a_job_running_for_ever(
    serve: Serve, connect: Connect, submit: Submit
) -> None:
    server = serve(FOREVER)
    source = connect(server)
    submit(source)
    assert server.restart() == 1
    status = poll(source)
    assert (status.state, status.percent) == (JobState.RUNNING, None)


def test_real_exports_are_offered_and_arrive_whole(
    serve: Serve, connect: Connect, finish: Submit, fetch: Callable[[RSpaceSource, str], bytes]
) -> None:
    folder = REAL_EXPORTS
    server = serve(Options(archives=sorted(folder.glob("*.zip"))))
    source = connect(server)
    offer = finish(source).offer
    assert offer is not None
    assert offer.link is not None
    assert fetch(source, offer.link) == server.exports[-1].content()
