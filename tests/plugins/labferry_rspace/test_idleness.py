"""When an export need not be made: only where the server can tell that nothing happened."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labferry.sdk import ExportRequest, JobStatus, StoppedError
from labferry.sdk.waiting import interruptible
from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    LAB_ADMIN_KEY,
    PI_KEY,
    SYSADMIN_KEY,
    Answer,
    Event,
    Fault,
    Options,
    Record,
    SimulatedRSpace,
    User,
    default_world,
)
from labferry.testing.rspace.faults import On
from labferry_rspace import RSpaceInventorySettings, RSpaceInventorySource, RSpaceSource

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Finish = Callable[[RSpaceSource], JobStatus]
Idle = Callable[..., bool]

HOUR = timedelta(hours=1)


class Clock:
    """A server's clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.05
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(serve: Serve, clock: Clock) -> SimulatedRSpace:
    return serve(Options(clock=clock))


@pytest.fixture
def idle(finish: Finish) -> Idle:
    """Whether a source is idle since its own export, which is made now."""

    def asked(source: RSpaceSource, change: Callable[[], object] | None = None) -> bool:
        (lane,) = source.lanes()
        (request,) = source.plan([lane])
        since = datetime.now(UTC)
        finish(source)
        if change is not None:
            change()
        return source.is_idle(request, since, lane)

    return asked


def done(server: SimulatedRSpace, who: str, action: str, moment: datetime | None = None) -> None:
    about = {"id": "GL205"}
    server.world.events.append(Event(who, action, about, moment or datetime.now(UTC)))


def test_ones_own_work_to_which_nothing_happened_is_idle(
    server: SimulatedRSpace, connect: Connect, idle: Idle
) -> None:
    assert idle(connect(server))


def test_a_document_that_was_changed_is_not_idle(
    server: SimulatedRSpace, connect: Connect, idle: Idle
) -> None:
    def edit() -> None:
        server.world.add(replace(server.world.records[203], modified=datetime.now(UTC)))

    assert not idle(connect(server), edit)


def test_a_linked_document_that_another_user_changed_is_not_idle(
    server: SimulatedRSpace, connect: Connect, idle: Idle
) -> None:
    def edit() -> None:
        server.world.add(replace(server.world.records[212], modified=datetime.now(UTC)))

    assert not idle(connect(server), edit)


def test_a_deletion_is_not_idle(server: SimulatedRSpace, connect: Connect, idle: Idle) -> None:
    assert not idle(connect(server), lambda: server.world.delete(203))


def test_a_file_or_folder_made_meanwhile_is_not_idle(
    server: SimulatedRSpace, connect: Connect, idle: Idle
) -> None:
    def upload() -> None:
        made = datetime.now(UTC)
        server.world.add(replace(server.world.records[205], id=300, created=made))

    assert not idle(connect(server), upload)


@pytest.mark.parametrize(
    "action", ["MOVE", "RENAME", "RESTORE", "SHARE", "UNSHARE", "SIGN", "TRANSFER", "UNHEARD_OF"]
)
def test_whatever_was_done_counts_if_it_is_not_known_to_be_harmless(
    server: SimulatedRSpace, connect: Connect, idle: Idle, action: str
) -> None:
    assert not idle(connect(server), lambda: done(server, "alice", action))


@pytest.mark.parametrize("action", ["READ", "SEARCH", "EXPORT", "DOWNLOAD"])
def test_reading_changes_nothing(
    server: SimulatedRSpace, connect: Connect, idle: Idle, action: str
) -> None:
    assert idle(connect(server), lambda: done(server, "alice", action))


def test_what_strangers_do_elsewhere_changes_nothing(
    server: SimulatedRSpace, connect: Connect, idle: Idle
) -> None:
    assert idle(connect(server), lambda: done(server, "outsider", "WRITE"))


def test_what_was_done_just_before_counts_as_since(
    server: SimulatedRSpace, connect: Connect, idle: Idle
) -> None:
    just_before = datetime.now(UTC) - timedelta(minutes=4)
    assert not idle(connect(server), lambda: done(server, "alice", "MOVE", just_before))
    long_before = just_before - timedelta(minutes=5)
    server.world.events.clear()
    assert idle(connect(server), lambda: done(server, "alice", "MOVE", long_before))


@pytest.mark.parametrize("hours", [-30, 30])
def test_moments_are_the_servers_whatever_its_clock_shows(
    server: SimulatedRSpace, connect: Connect, idle: Idle, clock: Clock, hours: int
) -> None:
    clock.now += hours * 3600
    assert idle(connect(server))
    off = timedelta(hours=hours)
    moment = datetime.now(UTC) + off + timedelta(seconds=5)
    assert not idle(connect(server), lambda: done(server, "alice", "MOVE", moment))


def test_a_server_that_does_not_say_what_time_it_is_tells_nothing(
    server: SimulatedRSpace, connect: Connect, idle: Idle
) -> None:
    page = {"totalHits": 0, "documents": [], "_links": []}
    told = Answer(200, json.dumps(page).encode(), "application/json", headers=(("Date", "never"),))
    server.faults.add(Fault("documents", told))
    assert not idle(connect(server))


def test_activity_that_does_not_show_the_last_export_tells_nothing(
    server: SimulatedRSpace, connect: Connect, idle: Idle
) -> None:
    """It may not be recorded, or not reach back far enough."""
    nothing: dict[str, Any] = {"totalHits": 0, "activities": [], "_links": []}
    server.faults.add(
        Fault("activity", Answer(200, json.dumps(nothing).encode(), "application/json"))
    )
    assert not idle(connect(server))


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("documents", {"totalHits": 1, "documents": [{"id": 1}]}, 200),
        ("documents", {"totalHits": 1, "documents": []}, 200),
        ("documents", [], 200),
        ("documents", {}, 500),
        ("activity", {"activities": [{"action": "READ", "username": "alice"}]}, 200),
        ("activity", {"activities": [{"timestamp": "2026-01-01T00:00:00Z"}]}, 200),
        ("activity", {}, 401),
        ("activity", {}, 429),
    ],
)
def test_an_answer_that_can_not_be_understood_tells_nothing(
    server: SimulatedRSpace,
    connect: Connect,
    idle: Idle,
    kind: On,
    body: object,
    status: int,
) -> None:
    server.faults.add(
        Fault(kind, Answer(status, json.dumps(body).encode(), "application/json"), times=None)
    )
    assert not idle(connect(server))


def test_activity_goes_back_no_further_than_183_days(
    server: SimulatedRSpace, connect: Connect, finish: Finish
) -> None:
    source = connect(server)
    finish(source)
    (request,) = source.plan(source.lanes())
    lane = source.lanes()[0]
    assert source.is_idle(request, datetime.now(UTC) - timedelta(days=170), lane)
    assert not source.is_idle(request, datetime.now(UTC) - timedelta(days=181), lane)


def test_more_activity_than_is_worth_reading_tells_nothing(
    server: SimulatedRSpace, connect: Connect, idle: Idle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labferry_rspace.idleness._MOST_EVENTS", 250)

    def read() -> None:
        for _ in range(300):
            done(server, "alice", "READ")

    assert not idle(connect(server), read)


@pytest.mark.parametrize(
    ("key", "settings", "expected"),
    [
        (ALICE_KEY, {"id": 101}, True),
        (PI_KEY, {"id": 101}, True),
        (SYSADMIN_KEY, {"id": 101}, True),
        (LAB_ADMIN_KEY, {"id": 101}, False),
        (PI_KEY, {"scope": "group"}, True),
        (PI_KEY, {"scope": "group", "id": 1234}, True),
        (SYSADMIN_KEY, {"scope": "group", "id": 1234}, True),
        (LAB_ADMIN_KEY, {"scope": "group", "id": 1234}, False),
        (ALICE_KEY, {"scope": "selection", "selections": [202]}, False),
        (SYSADMIN_KEY, {"scope": "selection", "selections": [202]}, False),
        (ALICE_KEY, {"scope": "search", "query": "naoh"}, False),
    ],
)
def test_only_a_key_that_sees_what_all_the_exported_people_do_can_tell(
    server: SimulatedRSpace,
    connect: Connect,
    idle: Idle,
    key: str,
    settings: dict[str, Any],
    expected: bool,  # noqa: FBT001 - a table
) -> None:
    assert idle(connect(server, key, skip_idle=True, **settings)) is expected


@pytest.mark.parametrize("who", ["alice", "bob", "labadmin", "pi"])
def test_a_group_is_not_idle_if_any_member_did_something(
    server: SimulatedRSpace, connect: Connect, idle: Idle, who: str
) -> None:
    source = connect(server, PI_KEY, scope="group", skip_idle=True)
    assert not idle(source, lambda: done(server, who, "MOVE"))


def test_a_group_of_other_people_is_another_export(
    server: SimulatedRSpace, connect: Connect, idle: Idle
) -> None:
    source = connect(server, PI_KEY, scope="group", skip_idle=True)
    (before,) = source.plan(source.lanes())

    def join() -> None:
        old = server.world.groups[0]
        server.world.groups[0] = replace(old, members=(*old.members, "outsider"))

    assert not idle(source, join)
    (after,) = source.plan(source.lanes())
    assert before.series == after.series
    assert before.parameters != after.parameters


def test_members_are_looked_up_only_to_skip_idle_groups(
    server: SimulatedRSpace, connect: Connect, finish: Finish
) -> None:
    source = connect(server, PI_KEY, scope="group", id=1234)
    (request,) = source.plan(source.lanes())
    assert "members" not in request.parameters
    asked = [each.path for each in server.requests if each.kind == "groups"]
    assert asked == ["/api/v1/groups/1234"], "once, for its name"
    finish(source)
    assert not source.is_idle(request, datetime.now(UTC) - HOUR, source.lanes()[0])


def test_the_head_of_a_collaboration_does_not_see_what_the_others_do(
    serve: Serve, connect: Connect, idle: Idle
) -> None:
    world = default_world()
    world.groups[0] = replace(world.groups[0], lab=False)
    world.add(Record(400, "Own", "pi"))
    source = connect(serve(world=world), PI_KEY, id=103, skip_idle=True)
    assert idle(source)
    (request,) = source.plan(source.lanes())
    other = ExportRequest("user-101", "", {**request.parameters, "id": 101})
    assert not source.is_idle(other, datetime.now(UTC) - HOUR, source.lanes()[0])


def test_another_users_activity_is_no_proof_of_ones_own_export(
    server: SimulatedRSpace, connect: Connect, finish: Finish
) -> None:
    finish(connect(server, BOB_KEY))
    source = connect(server, PI_KEY, id=101)
    (request,) = source.plan(source.lanes())
    assert not source.is_idle(request, datetime.now(UTC) - HOUR, source.lanes()[0])


def test_the_server_is_asked_once_for_a_key_however_many_exports_there_are(
    serve: Serve, connect: Connect, clock: Clock
) -> None:
    world = default_world()
    world.users += [User(1000 + n, f"user{n}", f"{n:020d}") for n in range(50)]
    server = serve(Options(clock=clock), world)
    source = connect(server, SYSADMIN_KEY, scope="all-users")
    (lane,) = source.lanes()
    requests = source.plan([lane])
    since = datetime.now(UTC)
    source.submit(requests[0], lane)
    clock.now += 60
    assert all(source.is_idle(request, since, lane) for request in requests)
    assert not source.is_idle(requests[0], since - 181 * 24 * HOUR, lane)
    assert source.is_idle(requests[0], since - 30 * 24 * HOUR, lane)
    kinds = [asked.kind for asked in server.requests]
    assert kinds.count("documents") == 1
    assert kinds.count("activity") == 2, "One more, for a time that the first did not reach."


def test_a_server_that_can_not_tell_is_not_asked_again(
    server: SimulatedRSpace, connect: Connect
) -> None:
    server.faults.add(Fault("activity", Answer(500), times=None))
    source = connect(server, SYSADMIN_KEY, scope="all-users")
    (lane,) = source.lanes()
    requests = source.plan([lane])
    now = datetime.now(UTC)
    assert not any(source.is_idle(request, now, lane) for request in requests)
    assert [asked.kind for asked in server.requests].count("activity") == 1


def test_a_stop_is_not_taken_for_an_answer(server: SimulatedRSpace, connect: Connect) -> None:
    source = connect(server)
    (lane,) = source.lanes()
    (request,) = source.plan([lane])

    def stop() -> None:
        raise StoppedError(15)

    with interruptible(stop), pytest.raises(StoppedError):
        source.is_idle(request, datetime.now(UTC), lane)


def test_an_inventory_is_never_idle(server: SimulatedRSpace) -> None:
    given = {"type": "rspace-inventory", "url": server.url, "api_key": ALICE_KEY}
    source = RSpaceInventorySource("lab", RSpaceInventorySettings.model_validate(given))
    (request,) = source.plan(source.lanes())
    assert not source.is_idle(request, datetime.now(UTC), source.lanes()[0])
    source.close()
