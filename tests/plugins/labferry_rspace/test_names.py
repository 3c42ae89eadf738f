"""By which names a source says whose work an export holds."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from labferry.sdk import ExportRequest, Names
from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    PI_KEY,
    SYSADMIN_KEY,
    Answer,
    Fault,
    SimulatedRSpace,
)
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]
Plan = Callable[[RSpaceSource], list[ExportRequest]]

ALICE = Names("alice", "Alice Archer")


@pytest.fixture(autouse=True)
def _alice_has_a_name(server: SimulatedRSpace) -> None:
    call(server, "Alice", "Archer")


def call(server: SimulatedRSpace, first: str, last: str) -> None:
    """Give alice another name."""
    users = server.world.users
    place = next(place for place, user in enumerate(users) if user.username == "alice")
    users[place] = replace(users[place], first_name=first, last_name=last)


def names(requests: list[ExportRequest]) -> dict[str, Names]:
    return {request.series: request.names for request in requests}


def test_ones_own_work(server: SimulatedRSpace, connect: Connect, plan: Plan) -> None:
    assert names(plan(connect(server))) == {"user": ALICE}


def test_the_work_of_each_key(server: SimulatedRSpace, connect: Connect, plan: Plan) -> None:
    planned = names(plan(connect(server, api_keys=[ALICE_KEY, BOB_KEY])))
    assert planned == {"user-101": ALICE, "user-102": Names("bob", "Bob Breslow")}


def test_all_users(server: SimulatedRSpace, connect: Connect, plan: Plan) -> None:
    planned = names(plan(connect(server, SYSADMIN_KEY, scope="all-users", include=["alice"])))
    assert planned == {"user-101": ALICE}


@pytest.mark.parametrize("wanted", [101, "alice"])
def test_a_sysadmin_learns_the_full_name_of_one_user(
    server: SimulatedRSpace, connect: Connect, plan: Plan, wanted: int | str
) -> None:
    assert names(plan(connect(server, SYSADMIN_KEY, id=wanted))) == {"user-101": ALICE}


@pytest.mark.parametrize("wanted", [101, "alice"])
def test_others_learn_the_username_from_their_groups(
    server: SimulatedRSpace, connect: Connect, plan: Plan, wanted: int | str
) -> None:
    source = connect(server, PI_KEY, id=wanted)
    assert names(plan(source)) == {"user-101": Names("alice")}
    assert [request.kind for request in server.requests] == ["whoami", "groups"]


@pytest.mark.parametrize("key", [PI_KEY, SYSADMIN_KEY])
@pytest.mark.parametrize("status", [401, 500, 404])
def test_an_export_needs_no_names(
    server: SimulatedRSpace, connect: Connect, plan: Plan, key: str, status: int
) -> None:
    server.faults.add(Fault("users" if key == SYSADMIN_KEY else "groups", Answer(status)))
    assert names(plan(connect(server, key, id=101))) == {"user-101": Names()}


@pytest.mark.parametrize("wanted", ["Chem Lab", 1234])
def test_a_group(server: SimulatedRSpace, connect: Connect, plan: Plan, wanted: int | str) -> None:
    planned = names(plan(connect(server, PI_KEY, scope="group", id=wanted)))
    assert planned == {"group-1234": Names(group_name="Chem Lab")}


def test_the_group_of_its_pi(server: SimulatedRSpace, connect: Connect, plan: Plan) -> None:
    planned = names(plan(connect(server, PI_KEY, scope="group")))
    assert planned == {"group": Names(group_name="Chem Lab")}


def test_all_groups(server: SimulatedRSpace, connect: Connect, plan: Plan) -> None:
    planned = names(plan(connect(server, PI_KEY, scope="all-groups")))
    assert planned["group-1234"] == Names(group_name="Chem Lab")


def test_records_are_nobodys_in_particular(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    requests = plan(connect(server, scope="selection", selections=[202]))
    assert [request.names for request in requests] == [Names()]


def test_other_names_are_the_same_export(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    source = connect(server)
    before = plan(source)
    # Who a key belongs to is asked once a run.
    source.close()
    call(server, "Alice", "Brown")
    after = plan(connect(server))
    assert before == after
    assert names(after) == {"user": Names("alice", "Alice Brown")}


@pytest.mark.parametrize(
    ("first", "last", "full_name"),
    [
        ("", "", None),
        ("Bell\x07 and\nnewline", "\x1b[31mred", "Bell and newline [31mred"),
        ("\u202eesrever", "\ud800", "esrever ?"),
        ("\u0633\u0631\u200c\u062c", "", "\u0633\u0631\u200c\u062c"),
        ("x" * 100_000, "", f"{'x' * 254}…"),
    ],
    ids=["none", "control", "invisible", "joined", "long"],
)
def test_absurd_names_are_made_names(
    server: SimulatedRSpace,
    connect: Connect,
    plan: Plan,
    first: str,
    last: str,
    full_name: str | None,
) -> None:
    call(server, first, last)
    assert names(plan(connect(server))) == {"user": Names("alice", full_name)}
