import json
from collections.abc import Callable
from typing import Any

import pytest

from labferry.sdk import (
    ExportRequest,
    InvalidAnswerError,
    NotFoundError,
    RefusedError,
)
from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    OUTSIDER_KEY,
    PI_KEY,
    SYSADMIN_KEY,
    Group,
    Options,
    SimulatedRSpace,
)
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Plan = Callable[[RSpaceSource], list[ExportRequest]]


def kinds(server: SimulatedRSpace) -> list[str]:
    return [request.kind for request in server.requests]


def told(request: ExportRequest) -> dict[str, Any]:
    defaults = {"format": "xml", "max_link_level": 1, "include_revision_history": False}
    return {name: value for name, value in request.parameters.items() if name not in defaults}


def test_own_work(server: SimulatedRSpace, connect: Connect, plan: Plan) -> None:
    source = connect(server)
    (request,) = plan(source)
    assert (request.series, request.title) == ("user", "work of alice")
    assert told(request) == {"scope": "user"}
    assert request.lane == source.lanes()[0]
    assert kinds(server) == ["whoami"]


def test_parameters_are_plain_json_and_complete(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    more = {"format": "html", "include_revision_history": True, "max_link_level": 3}
    (request,) = plan(connect(server, scope="selection", selections=["SD202"], **more))
    assert json.loads(json.dumps(dict(request.parameters))) == {
        "format": "html",
        "scope": "selection",
        "selections": [202],
        "include_revision_history": True,
        "max_link_level": 3,
    }


@pytest.mark.parametrize("scope", ["user", "group"])
def test_a_numeric_id_is_asked_for_its_name_only(
    server: SimulatedRSpace, connect: Connect, plan: Plan, scope: str
) -> None:
    number = {"user": 101, "group": 1234}[scope]
    (request,) = plan(connect(server, PI_KEY, scope=scope, id=number))
    assert request.series == f"{scope}-{number}"
    assert told(request) == {"scope": scope, "id": number}
    assert kinds(server) == ["whoami", "groups"]


def test_the_group_of_its_pi_needs_no_id(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    source = connect(server, PI_KEY, scope="group")
    (request,) = plan(source)
    assert (request.series, request.title) == ("group", "group led by pi")
    assert told(request) == {"scope": "group"}
    assert request.lane == source.lanes()[0]
    assert kinds(server) == ["whoami", "groups"]


def test_every_group_of_its_pi_is_planned(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    """Without an id the server would choose one, and another one after a restart."""
    server.world.groups += [
        Group(77, "Second Lab", "pi", members=("bob",)),
        Group(88, "Joint work", "pi", lab=False),
        Group(99, "Elsewhere", "outsider", members=("pi",)),
    ]
    source = connect(server, PI_KEY, scope="group")
    requests = plan(source)
    assert [request.series for request in requests] == ["group-77", "group-1234"]
    assert [request.title for request in requests] == ["group Second Lab", "group Chem Lab"]
    assert [told(request)["id"] for request in requests] == [77, 1234]
    assert {request.lane for request in requests} == {source.lanes()[0]}
    server.restart()
    assert [request.series for request in plan(source)] == ["group-77", "group-1234"]
    (one,) = plan(connect(server, PI_KEY, scope="group", id=77))
    assert one.series == "group-77"


def test_ones_own_username_is_ones_own_work(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    (request,) = plan(connect(server, id="alice"))
    assert told(request) == {"scope": "user"}


def test_a_username_is_looked_up_in_ones_groups(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    (request,) = plan(connect(server, PI_KEY, id="bob"))
    assert (request.series, request.title) == ("user-102", "work of bob")
    assert kinds(server) == ["whoami", "groups"]


def test_a_username_is_looked_up_among_all_users_by_a_sysadmin(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    (request,) = plan(connect(server, SYSADMIN_KEY, id="outsider"))
    assert told(request) == {"scope": "user", "id": 106}


def test_an_unknown_username_is_named(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    with pytest.raises(NotFoundError, match="no user 'nobody'"):
        plan(connect(server, SYSADMIN_KEY, id="nobody"))


def test_a_username_that_only_a_sysadmin_could_look_up_is_refused(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    with pytest.raises(RefusedError, match="numeric id"):
        plan(connect(server, id="outsider"))


def test_a_group_is_found_by_name_among_ones_own(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    (request,) = plan(connect(server, PI_KEY, scope="group", id="Chem Lab"))
    assert (request.series, request.title) == ("group-1234", "group Chem Lab")
    assert told(request) == {"scope": "group", "id": 1234}


def test_a_group_is_found_by_name_among_public_ones(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    (request,) = plan(connect(server, SYSADMIN_KEY, scope="group", id="Chem Lab"))
    assert told(request) == {"scope": "group", "id": 1234}


@pytest.mark.parametrize("name", ["Chem", "chem lab", "Physics"])
def test_a_group_of_another_name_is_not_taken(
    server: SimulatedRSpace, connect: Connect, plan: Plan, name: str
) -> None:
    with pytest.raises(NotFoundError, match="no group named"):
        plan(connect(server, SYSADMIN_KEY, scope="group", id=name))


def test_groups_of_the_same_name_must_be_told_apart_by_id(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    server.world.groups.append(Group(77, "Chem Lab", "outsider"))
    with pytest.raises(InvalidAnswerError, match="77, 1234"):
        plan(connect(server, SYSADMIN_KEY, scope="group", id="Chem Lab"))


def test_a_selection_keeps_its_series_whatever_the_order_of_its_ids(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    (one,) = plan(connect(server, scope="selection", selections=["SD202", 203, "SD202"]))
    (two,) = plan(connect(server, scope="selection", selections=[203, 202]))
    (other,) = plan(connect(server, scope="selection", selections=[203]))
    assert one.series.startswith("selection-")
    assert one.series == two.series != other.series
    assert one.parameters["selections"] == [202, 203]
    assert one.title == "selection: 2 records"
    assert one.lane is None


@pytest.mark.parametrize(
    ("count", "sizes"), [(2000, [2000]), (2001, [2000, 1]), (4500, [2000, 2000, 500])]
)
def test_more_than_2000_ids_become_several_exports(
    server: SimulatedRSpace, connect: Connect, plan: Plan, count: int, sizes: list[int]
) -> None:
    requests = plan(connect(server, scope="selection", selections=list(range(1, count + 1))))
    parts = [request.parameters["selections"] for request in requests]
    assert [len(part) for part in parts if isinstance(part, list)] == sizes
    base = requests[0].series
    assert [request.series for request in requests[1:]] == [
        f"{base}-part{number}" for number in range(2, len(sizes) + 1)
    ]


@pytest.mark.parametrize("version", ["1.69.18", "1.69", "1.8.0", "0.9"])
@pytest.mark.parametrize(
    "settings", [{"scope": "selection", "selections": [1]}, {"scope": "search", "query": "a"}]
)
def test_a_server_too_old_for_selections_is_told_before_the_post(
    serve: Serve, connect: Connect, plan: Plan, version: str, settings: dict[str, object]
) -> None:
    server = serve(Options(version=version))
    with pytest.raises(InvalidAnswerError, match=f"RSpace {version} .* can't export selected"):
        plan(connect(server, **settings))
    assert "submit" not in kinds(server)


@pytest.mark.parametrize("version", ["1.69.19", "1.70.0-SNAPSHOT", "2.0", "unknown", ""])
def test_any_other_version_is_new_enough(
    serve: Serve, connect: Connect, plan: Plan, version: str
) -> None:
    source = connect(serve(Options(version=version)), scope="selection", selections=[1])
    assert len(plan(source)) == 1


def test_several_keys_each_bring_their_own_work(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    source = connect(server, api_keys=[ALICE_KEY, BOB_KEY, OUTSIDER_KEY])
    requests = plan(source)
    assert [request.series for request in requests] == ["user-101", "user-102", "user-106"]
    assert [request.lane for request in requests] == list(source.lanes())


def test_several_keys_share_what_any_of_them_may_ask_for(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    source = connect(server, api_keys=[SYSADMIN_KEY, PI_KEY], scope="group", id=1234)
    (request,) = plan(source)
    assert request.lane is None
