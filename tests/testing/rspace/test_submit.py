"""POST /api/v1/export: the contract's tables "Start" and "case", row by row."""

import threading
from typing import Any

import httpx
import pytest

from labferry.testing.rspace import (
    ALICE,
    ALICE_KEY,
    BOB,
    BOB_KEY,
    CHEM_LAB,
    LAB_ADMIN_KEY,
    OUTSIDER_KEY,
    PI_KEY,
    SYSADMIN_KEY,
    Group,
    JobTiming,
    Options,
    Role,
    User,
    default_world,
)

from .caller import Caller, Clock, plain_get
from .conftest import Open


def problem(response: httpx.Response) -> tuple[int, int]:
    body = response.json()
    assert body["httpCode"] == response.status_code
    assert {"status", "message", "messageCode", "errors", "iso8601Timestamp", "data"} <= set(body)
    return response.status_code, body["internalCode"]


def test_success_is_202_with_indented_json_nulls_and_no_location(caller: Caller) -> None:
    response = caller.post("xml/user")
    assert response.status_code == 202
    assert "location" not in response.headers
    assert response.text.startswith('{\n  "id" : 23,\n')
    answer = response.json()
    assert answer.pop("status") in {"STARTING", "STARTED"}
    assert answer == {
        "id": 23,
        "percentComplete": -1.0,
        "result": None,
        "_links": [{"link": f"{caller.server.url}/api/v1/jobs/23", "rel": "self"}],
    }


def test_success_is_202_with_an_id_too_and_a_trailing_slash_is_forgiven(caller: Caller) -> None:
    assert caller.post(f"html/user/{ALICE.id}/").status_code == 202


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("pdf/user", 400, 40002),
        ("XML/user", 400, 40002),
        ("xml/everything", 400, 40002),
        ("xml/user/abc", 400, 40002),
        ("xml/selection?selections=12,x", 400, 40002),
        ("xml/user?maxLinkLevel=-1", 400, 40002),
        ("xml/everything/12", 422, 42201),
        ("xml/selection", 422, 42201),
        ("xml/selection?selections=999999", 401, 40101),
        ("xml/selection?selections=231", 401, 40101),
        (f"xml/user/{BOB.id}", 401, 40101),
        (f"xml/group/{CHEM_LAB.id}", 401, 40101),
        ("xml/group", 401, 40101),
        ("xml/selection?selections=202,230", 500, 50004),
    ],
    ids=[
        "bad format",
        "format in capitals",
        "bad scope",
        "id that is no number",
        "selection that is no number",
        "link level below 0",
        "bad scope with an id",
        "selection empty",
        "none of the selected ids exists",
        "folder unreadable",
        "user not yours",
        "group not yours",
        "group without an id, not a PI",
        "document unreadable",
    ],
)
def test_refusals(caller: Caller, path: str, status: int, code: int) -> None:
    assert problem(caller.post(path)) == (status, code)
    assert caller.server.exports == []


def test_validation_errors_name_the_field(caller: Caller) -> None:
    (error,) = caller.post("pdf/user").json()["data"]["validationErrors"]
    assert error["field"] == "format"
    assert error["rejectedValue"] == "pdf"
    assert error["objectName"]
    assert error["message"]


@pytest.mark.parametrize("path", ["xml/user/424242", "xml/group/424242"])
def test_unknown_user_or_group_is_500(caller: Caller, path: str) -> None:
    assert problem(caller.post(path, SYSADMIN_KEY)) == (500, 50001)


def test_account_never_initialised_is_500(open_caller: Open) -> None:
    world = default_world()
    world.users.append(User(900, "newcomer", "newcomerNewcomer99", initialised=False))
    caller = open_caller(world=world)
    assert problem(caller.post("xml/user/900", SYSADMIN_KEY)) == (500, 50001)


def test_short_disk_is_500(open_caller: Open) -> None:
    assert problem(open_caller(Options(disk_short=True)).post("xml/user")) == (500, 50001)


def test_bad_format_with_an_id_is_accepted_and_then_breaks(caller: Caller) -> None:
    job = caller.start(f"pdf/user/{ALICE.id}")
    with pytest.raises(AssertionError, match="Value for key"):
        caller.finish(job)


def test_nonexistent_ids_of_a_selection_are_dropped(caller: Caller) -> None:
    caller.start("xml/selection", params={"selections": "203,999999", "maxLinkLevel": 0})
    assert caller.server.exports[0].records == (203,)


@pytest.mark.parametrize("key", [PI_KEY, LAB_ADMIN_KEY, SYSADMIN_KEY])
def test_who_may_export_another_user_and_a_group(caller: Caller, key: str) -> None:
    caller.export(f"xml/user/{ALICE.id}", key)
    caller.export(f"xml/group/{CHEM_LAB.id}", key)


def test_a_community_admin_may_export_users_but_no_group(open_caller: Open) -> None:
    world = default_world()
    key = "communityCommunity"
    world.users.append(User(901, "community", key, Role.ADMIN))
    world.groups[0] = Group(1234, "Chem Lab", "pi", ("alice",), community_admins=("community",))
    caller = open_caller(world=world)
    assert caller.post(f"xml/group/{CHEM_LAB.id}", key).status_code == 401
    assert caller.post(f"xml/user/{ALICE.id}", key).status_code == 202


def test_group_without_an_id_is_the_pi_s_own(caller: Caller) -> None:
    caller.start("xml/group", PI_KEY)
    assert "-ChemLab-" in caller.server.exports[0].file


def test_a_collaboration_group_s_pi_has_no_rights(open_caller: Open) -> None:
    world = default_world()
    world.groups[0] = Group(1234, "Chem Lab", "pi", ("alice",), lab=False)
    caller = open_caller(world=world)
    assert caller.post("xml/group", PI_KEY).status_code == 401
    assert caller.post(f"xml/user/{ALICE.id}", PI_KEY).status_code == 401


def test_group_members_the_exporter_cannot_read_are_left_out_silently(open_caller: Open) -> None:
    world = default_world()
    world.groups += [Group(7, "Ours", "pi", ("outsider",)), Group(8, "Theirs", "bob", ("pi",))]
    caller = open_caller(world=world)
    caller.start("xml/group/8", BOB_KEY)
    assert 220 in caller.server.exports[0].records
    assert 230 not in caller.server.exports[0].records


def test_one_running_export_per_user(open_caller: Open) -> None:
    clock = Clock()
    caller = open_caller(Options(clock=clock))
    caller.start()
    response = caller.post("html/user")
    assert problem(response) == (429, 42901)
    assert response.json()["message"] == "There is already a running export job"
    assert "retry-after" not in response.headers
    caller.start("xml/user", BOB_KEY)
    clock.now = 1
    assert caller.post("html/user").status_code == 202


def test_order_of_checks(open_caller: Open) -> None:
    caller = open_caller(Options(timing=JobTiming(run=30)))
    caller.start()
    caller.server.options.disk_short = True
    assert caller.post("pdf/user").status_code == 400  # parameters first
    assert caller.post(f"xml/user/{BOB.id}").status_code == 401  # then the scope's permission
    assert caller.post("xml/selection?selections=230").status_code == 429  # then already-running
    assert problem(caller.post("xml/selection?selections=230", BOB_KEY)) == (
        500,
        50001,
    )  # then disk


@pytest.mark.parametrize("how", ["params", "data"])
@pytest.mark.parametrize("value", [["202,204", "203"], ["202", "203", "204", "204"]])
def test_parameters_come_in_the_query_or_a_form(caller: Caller, how: str, value: list[str]) -> None:
    more: dict[str, Any] = {how: {"selections": value, "includeRevisionHistory": "YES"}}
    caller.start("xml/selection", **more)
    asked = caller.server.exports[0].request
    assert asked is not None
    assert asked.selections == (202, 203, 204)
    assert asked.include_revision_history
    assert asked.max_link_level == 1


@pytest.mark.parametrize("word", ["true", "on", "Yes", "1", "TRUE"])
def test_words_for_true(caller: Caller, word: str) -> None:
    caller.start(f"xml/user?includeRevisionHistory={word}")
    asked = caller.server.exports[0].request
    assert asked is not None
    assert asked.include_revision_history


def test_trap_11_2000_ids_do_not_fit_into_a_url_but_into_a_form(caller: Caller) -> None:
    ids = ",".join(str(number) for number in range(100_000, 101_999))
    refused = caller.post(f"xml/selection?selections=202,{ids}")
    assert (refused.status_code, refused.headers["content-type"]) == (
        400,
        "text/html;charset=UTF-8",
    )
    assert caller.post("xml/selection", data={"selections": f"202,{ids},102000"}).status_code == 422
    assert caller.post("xml/selection", data={"selections": f"202,{ids}"}).status_code == 202


def test_trap_3_planning_takes_its_time_and_two_quick_posts_can_both_pass(
    open_caller: Open,
) -> None:
    caller = open_caller(Options(timing=JobTiming(planning=0.3)))
    caller.client()
    other = threading.Thread(target=caller.start)
    other.start()
    caller.start()
    other.join()
    assert {export.job_id for export in caller.server.exports} == {23, 24}


def test_queued_jobs_wait_for_the_shared_pool_and_a_full_queue_fails(open_caller: Open) -> None:
    timing = JobTiming(queue=0, run=30, pool_size=1, queue_capacity=1)
    caller = open_caller(Options(timing=timing))
    assert caller.post("xml/user").json()["status"] == "STARTED"
    waiting = caller.start("xml/user", BOB_KEY)
    assert caller.poll(waiting, BOB_KEY)["status"] == "STARTING"
    response = caller.post("xml/user", OUTSIDER_KEY)
    assert (response.status_code, response.json()["status"]) == (202, "FAILED")
    shown = caller.poll(response.json()["id"], OUTSIDER_KEY)
    assert shown["result"]["errors"] == ["org.springframework.core.task.TaskRejectedException"]


def test_errors_become_html_500_for_who_takes_no_json(caller: Caller) -> None:
    octets = {"Accept": "application/octet-stream"}
    for response in (
        caller.get("/api/v1/jobs/999", headers=octets),
        caller.get("/api/v1/status", "unknownUnknownKey", headers=octets),
    ):
        assert response.status_code == 500
        assert response.headers["content-type"].startswith("text/html")
    assert caller.get("/api/v1/jobs/999").status_code == 404


def test_a_post_that_takes_no_json_starts_the_job_and_answers_406(busy_lab: Caller) -> None:
    assert busy_lab.post("xml/user", headers={"Accept": "text/html"}).status_code == 406
    assert len(busy_lab.server.exports) == 1
    assert busy_lab.post("xml/user").status_code == 429


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "required"),
        ({"apiKey": "short"}, "invalid"),
        ({"apiKey": "qUnknownUnknownKey1"}, "'q'"),
        ({"Authorization": "Basic abc"}, "required"),
    ],
)
def test_trap_12_bad_credentials_are_401_and_an_unknown_keys_first_character_is_told(
    caller: Caller, headers: dict[str, str], told: str
) -> None:
    response = plain_get(f"{caller.server.url}/api/v1/status", headers=headers)
    assert problem(response) == (401, 40101)
    assert told in response.json()["message"]


def test_a_disabled_account_and_a_switched_off_api_are_401(open_caller: Open) -> None:
    world = default_world()
    world.users.append(User(902, "left", "leftLeftLeftLeft1", enabled=False))
    caller = open_caller(world=world)
    assert problem(caller.get("/api/v1/status", "leftLeftLeftLeft1")) == (401, 40101)
    caller.server.options.api_enabled = False
    assert problem(caller.get("/api/v1/status")) == (401, 40101)


def test_a_bearer_token_is_as_good_as_the_header(caller: Caller) -> None:
    headers = {"Authorization": f"Bearer {ALICE_KEY}"}
    response = plain_get(f"{caller.server.url}/api/v1/userDetails/whoami", headers=headers)
    assert response.json()["username"] == "alice"
    assert caller.server.requests[-1].user == "alice"


def test_unknown_paths_and_methods_are_html(caller: Caller) -> None:
    for response, status in (
        (caller.get("/api/v1/nothing"), 404),
        (caller.client().delete("/api/v1/status"), 405),
        (caller.get("/api/v1/jobs"), 404),  # there is no job list
    ):
        assert response.status_code == status
        assert response.headers["content-type"].startswith("text/html")
