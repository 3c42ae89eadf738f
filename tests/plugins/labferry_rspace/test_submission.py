import json
from collections.abc import Callable

import pytest

from labferry.sdk import (
    AnswerLostError,
    ExportFailedError,
    ExportRequest,
    InvalidAnswerError,
    JobState,
    JobStatus,
    LabferryError,
    RefusedError,
    SlotBusyError,
    TransientError,
)
from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    CHEM_LAB,
    OUTSIDER_KEY,
    PI_KEY,
    SYSADMIN_KEY,
    Answer,
    Fault,
    JobTiming,
    Limit,
    Options,
    Redirect,
    SimulatedRSpace,
    Throttling,
    User,
    html_answer,
    huge_answer,
    json_answer,
)
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Submit = Callable[[RSpaceSource], JobStatus]


def refusal(submit: Submit, source: RSpaceSource) -> LabferryError:
    with pytest.raises(LabferryError) as caught:
        submit(source)
    return caught.value


def test_success_is_202_without_an_id_and_with_a_self_link(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    status = submit(connect(server))
    assert (status.job, status.link) == ("23", f"{server.url}/api/v1/jobs/23")
    assert status.state is JobState.RUNNING
    assert status.percent is None
    asked = server.requests[-1]
    assert asked.path == "/api/v1/export/xml/user"
    assert asked.headers["accept"] == "application/json"


def test_success_is_202_with_an_id_too(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    submit(connect(server, PI_KEY, id=101, format="html"))
    assert server.requests[-1].path == "/api/v1/export/html/user/101"
    assert server.exports[-1].user == "pi"


@pytest.mark.parametrize("status", [200, 201, 202])
def test_200_and_201_are_taken_as_documented_by_others(
    server: SimulatedRSpace, connect: Connect, submit: Submit, status: int
) -> None:
    body = json.dumps({"id": 7, "status": "STARTING", "_links": []}).encode()
    server.faults.add(Fault("submit", Answer(status, body, "application/json")))
    job = submit(connect(server))
    assert (job.job, job.link) == ("7", f"{server.url}/api/v1/jobs/7")


def test_parameters_are_sent_as_a_form(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    more = {"include_revision_history": True, "max_link_level": 0}
    submit(connect(server, scope="selection", selections=["SD202", 203], **more))
    asked = server.exports[-1].request
    assert asked is not None
    assert asked.selections == (202, 203)
    assert asked.include_revision_history
    assert asked.max_link_level == 0
    assert server.requests[-1].query == ""


def test_trap_11_two_thousand_ids_go_in_one_form_body(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    ids = [203, *range(10_000_001, 10_002_000)]
    assert submit(connect(server, scope="selection", selections=ids)).job == "23"
    assert server.requests[-1].body_size > 8192


def test_the_same_request_can_be_made_again_from_what_the_ledger_kept(
    server: SimulatedRSpace, connect: Connect
) -> None:
    source = connect(server, scope="selection", selections=[202])
    (lane,) = source.lanes()
    (planned,) = source.plan([lane])
    stored = json.loads(json.dumps(dict(planned.parameters)))
    again = ExportRequest(planned.series, planned.title, stored)
    connect(server, scope="user").submit(again, lane)
    asked = server.exports[-1].request
    assert asked is not None
    assert (asked.scope, asked.selections) == ("selection", (202,))


def test_parameters_of_another_version_are_refused_in_words(
    server: SimulatedRSpace, connect: Connect
) -> None:
    source = connect(server)
    with pytest.raises(InvalidAnswerError, match="Another version"):
        source.submit(ExportRequest("user", "x", {"scope": "planet"}), source.lanes()[0])


def test_failed_at_once_as_the_work_queue_is_full(
    serve: Serve, connect: Connect, submit: Submit
) -> None:
    server = serve(Options(timing=JobTiming(run=60, pool_size=1, queue_capacity=0)))
    submit(connect(server))
    status = submit(connect(server, BOB_KEY))
    assert status.state is JobState.FAILED


# The table of refusals. In each row: nothing was started, and it was asked for once.


def test_40002_not_numeric_is_invalid_with_the_validation_errors(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    errors = [{"field": "selections", "rejectedValue": "x", "message": "must be numeric"}]
    body = {
        "message": "Errors detected : 1",
        "internalCode": 40002,
        "httpCode": 400,
        "errors": [],
        "data": {"validationErrors": errors},
    }
    server.faults.add(Fault("submit", Answer(400, json.dumps(body).encode(), "application/json")))
    error = refusal(submit, connect(server))
    assert isinstance(error, InvalidAnswerError)
    assert "selections: must be numeric" in str(error)


def test_42201_is_invalid_with_the_servers_words(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    server.faults.add(Fault("submit", json_answer(422, 42201, "Please include one or more IDs")))
    error = refusal(submit, connect(server))
    assert isinstance(error, InvalidAnswerError)
    assert "Please include one or more IDs" in str(error)


def test_401_none_of_the_selected_ids_exists(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    error = refusal(submit, connect(server, scope="selection", selections=[987654]))
    assert isinstance(error, RefusedError)
    assert "does not exist or" in str(error)
    assert server.exports == []


def test_401_an_unreadable_folder_is_selected(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    error = refusal(submit, connect(server, scope="selection", selections=["FL231"]))
    assert isinstance(error, RefusedError)


@pytest.mark.parametrize("settings", [{"id": 106}, {"scope": "group", "id": CHEM_LAB.id}])
def test_401_a_user_or_group_that_is_not_yours(
    server: SimulatedRSpace, connect: Connect, submit: Submit, settings: dict[str, object]
) -> None:
    error = refusal(submit, connect(server, **settings))
    assert isinstance(error, RefusedError)
    assert "not this account's" in str(error)
    assert "alice is not authorised" in str(error)


def test_401_group_without_id_for_somebody_who_leads_none(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    assert isinstance(refusal(submit, connect(server, scope="group")), RefusedError)


def test_group_without_id_for_its_pi(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    assert submit(connect(server, PI_KEY, scope="group")).job == "23"
    assert server.requests[-1].path == "/api/v1/export/xml/group"


def test_403_is_a_refusal_too(server: SimulatedRSpace, connect: Connect, submit: Submit) -> None:
    server.faults.add(Fault("submit", html_answer(403)))
    assert isinstance(refusal(submit, connect(server)), RefusedError)


def test_50004_a_selected_document_is_unreadable(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    error = refusal(submit, connect(server, scope="selection", selections=[203, 230]))
    assert isinstance(error, ExportFailedError)
    assert "Could not start the batch export process" in str(error)
    assert "the whole selection" in str(error)


@pytest.mark.parametrize("settings", [{"id": 999}, {"scope": "group", "id": 999}])
def test_50001_an_unknown_user_or_group(
    server: SimulatedRSpace, connect: Connect, submit: Submit, settings: dict[str, object]
) -> None:
    error = refusal(submit, connect(server, SYSADMIN_KEY, **settings))
    assert isinstance(error, ExportFailedError)
    assert "not found" in str(error)


def test_50001_an_account_that_was_never_initialised(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    server.world.users.append(User(108, "newcomer", "newcomerNewcomer08", initialised=False))
    error = refusal(submit, connect(server, SYSADMIN_KEY, id=108))
    assert isinstance(error, ExportFailedError)
    assert "never" in str(error)


def test_50001_the_disk_is_short(serve: Serve, connect: Connect, submit: Submit) -> None:
    error = refusal(submit, connect(serve(Options(disk_short=True))))
    assert isinstance(error, ExportFailedError)


def test_42901_a_running_export_is_a_busy_slot(
    serve: Serve, connect: Connect, submit: Submit
) -> None:
    source = connect(serve(Options(timing=JobTiming(run=60))))
    submit(source)
    error = refusal(submit, source)
    assert isinstance(error, SlotBusyError)
    assert error.retry_after is None
    assert "already a running export" in str(error)


def test_42901_throttling_is_told_apart_and_waited_out_as_the_headers_say(
    serve: Serve, connect: Connect
) -> None:
    server = serve(Options(throttling=Throttling(quarter_min=Limit(3, 15), min_interval_ms=0)))
    source = connect(server)
    (lane,) = source.lanes()
    (request,) = source.plan([lane])
    first = source.submit(request, lane)
    assert first.job == "23"
    with pytest.raises(TransientError) as caught:
        source.submit(request, lane)
    assert not isinstance(caught.value, SlotBusyError | AnswerLostError)
    assert caught.value.retry_after == pytest.approx(5, abs=1)
    assert "Too many requests" in str(caught.value)


def test_429_of_a_proxy_is_waited_out_as_retry_after_says(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    server.faults.add(Fault("submit", Answer(429, b"slow down", headers=(("Retry-After", "42"),))))
    error = refusal(submit, connect(server))
    assert isinstance(error, TransientError)
    assert not isinstance(error, SlotBusyError | AnswerLostError)
    assert error.retry_after == 42


@pytest.mark.parametrize("status", [404, 405, 413])
def test_a_web_page_with_a_client_error_is_invalid_and_asks_for_the_address(
    server: SimulatedRSpace, connect: Connect, submit: Submit, status: int
) -> None:
    server.faults.add(Fault("submit", html_answer(status)))
    error = refusal(submit, connect(server))
    assert isinstance(error, InvalidAnswerError)
    assert "a web page" in str(error)
    assert "url" in error.hint


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_trap_10_a_redirect_is_not_followed(
    serve: Serve, server: SimulatedRSpace, connect: Connect, submit: Submit, status: int
) -> None:
    other = serve()
    server.faults.add(Fault("submit", Redirect(f"{other.url}/", status)))
    error = refusal(submit, connect(server))
    assert isinstance(error, InvalidAnswerError)
    assert "redirect to 127.0.0.1" in str(error)
    assert other.requests == []


def test_a_huge_error_is_not_kept_and_not_repeated(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    server.faults.add(Fault("submit", huge_answer(500, 6 * 1024 * 1024)))
    error = refusal(submit, connect(server))
    assert isinstance(error, AnswerLostError)
    assert len(str(error)) < 1000


def test_a_message_full_of_control_characters_is_quoted_in_one_short_line(
    server: SimulatedRSpace, connect: Connect, submit: Submit
) -> None:
    message = "no\r\nroom\x1b[31m left " + "x" * 5000
    server.faults.add(Fault("submit", json_answer(500, 50001, message)))
    error = refusal(submit, connect(server))
    assert "no room[31m left xxx" in str(error)
    assert len(error.message) < 400
    assert error.message.isprintable()


def test_trap_12_a_key_that_stopped_working_is_refused_without_its_first_character(
    server: SimulatedRSpace, connect: Connect
) -> None:
    source = connect(server)
    (lane,) = source.lanes()
    (request,) = source.plan([lane])
    server.world.users[:] = [user for user in server.world.users if user.key != ALICE_KEY]
    with pytest.raises(RefusedError) as caught:
        source.submit(request, lane)
    assert "beginning" not in str(caught.value)
    assert "does not know the key" in str(caught.value)


def test_a_lane_of_no_configured_key_is_refused(server: SimulatedRSpace, connect: Connect) -> None:
    source = connect(server, OUTSIDER_KEY)
    (request,) = source.plan(source.lanes())
    with pytest.raises(RefusedError, match="belongs to bob@"):
        source.submit(request, "bob@elsewhere")
