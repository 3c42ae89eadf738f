import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from labferry.sdk import (
    ExitCode,
    ExportRequest,
    NotFoundError,
    RefusedError,
    Severity,
)
from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    LAB_ADMIN_KEY,
    OUTSIDER_KEY,
    PI_KEY,
    SYSADMIN_KEY,
    Answer,
    Fault,
    Group,
    Options,
    SimulatedRSpace,
    User,
    default_world,
)
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Plan = Callable[[RSpaceSource], list[ExportRequest]]

DAY, MINUTE = datetime(2024, 5, 1, tzinfo=UTC), timedelta(minutes=1)


def told(request: ExportRequest) -> dict[str, Any]:
    defaults = {"format": "xml", "max_link_level": 1, "include_revision_history": False}
    return {name: value for name, value in request.parameters.items() if name not in defaults}


def json_page(body: Mapping[str, object]) -> Answer:
    return Answer(200, json.dumps(body).encode(), "application/json")


def test_all_users_are_listed_not_only_temporary_ones(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    requests = plan(connect(server, SYSADMIN_KEY, scope="all-users"))
    assert {request.series for request in requests} == {f"user-{n}" for n in range(101, 108)}
    assert told(requests[0]) == {"scope": "user", "id": 101}
    assert requests[0].lane is None


def test_all_users_come_from_all_pages(serve: Serve, connect: Connect, plan: Plan) -> None:
    world = default_world()
    world.users += [
        User(1000 + n, f"user{n}", f"{n:020d}", created=DAY + n * MINUTE) for n in range(230)
    ]
    server = serve(world=world)
    assert len(plan(connect(server, SYSADMIN_KEY, scope="all-users"))) == 237


def test_accounts_that_were_created_in_a_batch_are_all_planned(
    serve: Serve, connect: Connect
) -> None:
    """One of them is on two pages, and another one on none: unless the list is read backwards."""
    world = default_world()
    made = [DAY + n * MINUTE for n in range(143)]
    made[85:105] = [DAY + 85 * MINUTE] * 20
    world.users += [
        User(1000 + n, f"user{n}", f"{n:020d}", created=when) for n, when in enumerate(made)
    ]
    server = serve(world=world)
    source = connect(server, SYSADMIN_KEY, scope="all-users")
    assert len(source.plan(source.lanes())) == 150
    assert source.problems == ()
    orders = [parse_qs(asked.query)["orderBy"][0] for asked in server.requests[-4:]]
    assert orders == ["creationDate asc"] * 2 + ["creationDate desc"] * 2


def test_accounts_that_the_server_never_shows_are_reported(serve: Serve, connect: Connect) -> None:
    world = default_world()
    world.users += [User(1000 + n, f"user{n}", f"{n:020d}") for n in range(400)]
    source = connect(serve(world=world), SYSADMIN_KEY, scope="all-users")
    planned = source.plan(source.lanes())
    (problem,) = source.problems
    assert problem.exit_code == ExitCode.PARTIAL
    assert f"counts 407 accounts but lists only {len(planned)} of them" in str(problem)
    *_, warning = source.check()
    assert (warning.severity, warning.message) == (Severity.WARNING, str(problem))
    gone = ExportRequest("user-9", "work of gone", {**planned[0].parameters, "id": 9})
    assert not source.vanished([gone]), "One that is not shown may be there."


def test_users_whom_the_server_does_not_list_have_vanished(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    everybody = plan(connect(server, SYSADMIN_KEY, scope="all-users"))
    own = plan(connect(server))
    old = ExportRequest("user-101", "of another version", {"who": "alice"})
    server.world.delete_user("outsider")
    source = connect(server, SYSADMIN_KEY, scope="all-users", exclude=["bob"])
    planned = {request.series for request in plan(source)}
    known = [request for request in everybody if request.series not in planned]
    assert [request.series for request in known] == ["user-102", "user-106"]
    assert [gone.series for gone in source.vanished([*known, *own, old])] == ["user-106"]
    assert not connect(server, SYSADMIN_KEY, scope="all-users").vanished(known), "Not planned yet."


def test_group_that_its_pi_lost_has_vanished(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    server.world.groups += [Group(2, "Second", "pi"), Group(3, "Other", "outsider")]
    source = connect(server, PI_KEY, scope="group")
    before = plan(source)
    assert [request.series for request in before] == ["group-2", "group-1234"]
    server.world.groups = [group for group in server.world.groups if group.id != 2]
    (left,) = plan(source)
    assert left.series == "group"
    assert [gone.series for gone in source.vanished(before)] == ["group-2"]
    several = connect(server, api_keys=[PI_KEY, OUTSIDER_KEY], scope="group")
    plan(several)
    assert [gone.series for gone in several.vanished(before)] == ["group-2"]
    refused = connect(server, api_keys=[OUTSIDER_KEY, "unknownUnknown1234"], scope="group")
    plan(refused)
    assert not refused.vanished(before), "They may be those of the key that is refused."


def test_groups_that_the_server_does_not_list_have_vanished(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    server.world.groups.append(Group(2, "Physics", "outsider"))
    source = connect(server, SYSADMIN_KEY, scope="all-groups")
    before = plan(source)
    del server.world.groups[0]
    assert [request.series for request in plan(source)] == ["group-2"]
    assert [gone.series for gone in source.vanished(before)] == ["group-1234"]


def test_include_and_exclude_choose_by_pattern(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    chosen = {"include": ["*A*", "bob"], "exclude": ["sys*", "temp?"]}
    requests = plan(connect(server, SYSADMIN_KEY, scope="all-users", **chosen))
    assert [request.title for request in requests] == [
        "work of alice",
        "work of bob",
        "work of labadmin",
    ]


@pytest.mark.parametrize(("included", "count"), [(True, 3), (False, 2)])
def test_disabled_accounts_are_optional(
    serve: Serve,
    connect: Connect,
    plan: Plan,
    included: bool,  # noqa: FBT001 - a table
    count: int,
) -> None:
    # RSpace 2.26 does not tell; should one, it is heeded.
    server = serve()
    users = [{"id": 1, "username": "a", "enabled": True}, {"id": 2, "username": "b"}]
    users.append({"id": 3, "username": "c", "enabled": False})
    server.faults.add(Fault("users", json_page({"users": users})))
    source = connect(server, SYSADMIN_KEY, scope="all-users", include_disabled=included)
    assert len(plan(source)) == count


def test_a_server_that_does_not_tell_who_is_disabled_is_reported(
    server: SimulatedRSpace, connect: Connect, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    server.world.users[1] = User(102, "bob", BOB_KEY, enabled=False)
    source = connect(server, SYSADMIN_KEY, scope="all-users", include_disabled=False)
    assert len(plan(source)) == 7
    assert "does not show which accounts are disabled" in caplog.text


def test_accounts_never_logged_in_to_have_nothing_to_export(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    server.world.users[1] = User(102, "bob", BOB_KEY, initialised=False)
    requests = plan(connect(server, SYSADMIN_KEY, scope="all-users"))
    assert len(requests) == 6
    assert "user-102" not in {request.series for request in requests}


def test_nobody_left_is_an_error_and_not_an_empty_backup(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    with pytest.raises(NotFoundError, match="include and exclude"):
        plan(connect(server, SYSADMIN_KEY, scope="all-users", include=["x*"]))


@pytest.mark.parametrize("key", [ALICE_KEY, PI_KEY, LAB_ADMIN_KEY])
def test_all_users_is_for_sysadmins_only(
    server: SimulatedRSpace, connect: Connect, plan: Plan, key: str
) -> None:
    with pytest.raises(RefusedError, match="sysadmin"):
        plan(connect(server, key, scope="all-users"))


def test_all_users_needs_an_address_on_the_servers_list(
    serve: Serve, connect: Connect, plan: Plan
) -> None:
    server = serve(Options(sysadmin_addresses_allowed=False))
    with pytest.raises(RefusedError):
        plan(connect(server, SYSADMIN_KEY, scope="all-users"))


def test_lists_are_read_with_the_first_key_that_may(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    source = connect(server, api_keys=[ALICE_KEY, SYSADMIN_KEY], scope="all-users")
    assert len(plan(source)) == 7


def test_all_groups_are_the_keys_own_and_the_public_ones(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    server.world.groups += [
        Group(1, "Hidden", "outsider", public=False),
        Group(2, "Own and hidden", "pi", members=("sysadmin1",), public=False),
        Group(3, "Physics", "outsider"),
    ]
    source = connect(server, SYSADMIN_KEY, scope="all-groups", exclude=["physics"])
    assert {request.series for request in plan(source)} == {"group-2", "group-1234"}
