import threading
from collections.abc import Callable

import pytest

from labferry.sdk import ConfigError, InvalidAnswerError, JobState, RefusedError, TransientError
from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    PI_KEY,
    Answer,
    Fault,
    JobTiming,
    Options,
    Redirect,
    SimulatedRSpace,
    User,
    html_answer,
)
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]

UNKNOWN = "qnknownUnknownUnknown1"


def test_a_lane_is_the_keys_owner_at_the_server(server: SimulatedRSpace, connect: Connect) -> None:
    source = connect(server)
    assert source.lanes() == [f"alice@{server.url.removeprefix('http://')}"]
    assert source.url == server.url


def test_owners_are_asked_for_once(server: SimulatedRSpace, connect: Connect) -> None:
    source = connect(server)
    assert source.lanes() == source.lanes()
    assert len(server.requests) == 1


def test_each_key_has_its_own_lane_and_a_user_only_one(
    server: SimulatedRSpace, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server.world.users.append(User(101, "alice", "anotherKeyOfAlice01"))
    source = connect(server, api_keys=[ALICE_KEY, BOB_KEY, "anotherKeyOfAlice01"])
    assert [lane.partition("@")[0] for lane in source.lanes()] == ["alice", "bob"]
    assert "key 3 of 3 from plain text in the configuration belongs to alice" in caplog.text


def test_trap_3_sources_of_the_same_user_share_a_lane_however_the_address_is_written(
    server: SimulatedRSpace, connect: Connect
) -> None:
    assert connect(server).lanes() == connect(f"{server.url}/api/v1/").lanes()


def test_a_refused_key_is_taken_out_and_named_by_its_place(
    server: SimulatedRSpace,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECOND_KEY", UNKNOWN)
    source = connect(server, api_keys=[ALICE_KEY, {"env": "SECOND_KEY"}, BOB_KEY])
    assert len(source.lanes()) == 2
    (problem,) = source.problems
    assert isinstance(problem, RefusedError)
    assert "key 2 of 3 from env SECOND_KEY is left out" in str(problem)
    assert UNKNOWN not in str(problem) + caplog.text


def test_trap_12_no_part_of_a_refused_key_is_told(
    server: SimulatedRSpace, connect: Connect
) -> None:
    with pytest.raises(RefusedError) as caught:
        connect(server, UNKNOWN).lanes()
    assert "'q'" not in str(caught.value)
    assert "beginning" not in str(caught.value)
    assert "My RSpace" in caught.value.hint


def test_all_keys_refused_are_all_named(server: SimulatedRSpace, connect: Connect) -> None:
    with pytest.raises(RefusedError, match=r"key 1 of 2.*key 2 of 2"):
        connect(server, api_keys=[UNKNOWN, "short"]).lanes()


@pytest.mark.parametrize(
    ("options", "user"),
    [
        (Options(api_enabled=False), User(101, "alice", ALICE_KEY)),
        (Options(), User(101, "alice", ALICE_KEY, enabled=False)),
    ],
    ids=["API switched off", "disabled account"],
)
def test_401_before_any_export(
    serve: Serve, connect: Connect, options: Options, user: User
) -> None:
    server = serve(options)
    server.world.users[0] = user
    with pytest.raises(RefusedError, match="HTTP 401"):
        connect(server).lanes()


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüsselSchlüssel", "tab\there"])
def test_what_can_not_be_a_key_is_not_sent_and_not_shown(
    server: SimulatedRSpace, connect: Connect, key: str
) -> None:
    with pytest.raises(RefusedError, match="is not an API key") as caught:
        connect(server, key).lanes()
    assert key not in str(caught.value)
    assert server.requests == []


def test_a_key_that_can_not_be_fetched_is_a_mistake_in_the_configuration(
    server: SimulatedRSpace, connect: Connect
) -> None:
    with pytest.raises(ConfigError, match="NO_SUCH_VARIABLE"):
        connect(server, api_key={"env": "NO_SUCH_VARIABLE"}).lanes()


def test_an_unreachable_server_refuses_no_key_and_is_asked_again(
    server: SimulatedRSpace, connect: Connect
) -> None:
    server.faults.add(Fault("whoami", html_answer(502)))
    source = connect(server)
    with pytest.raises(TransientError):
        source.lanes()
    assert len(source.lanes()) == 1


@pytest.mark.parametrize(
    "act",
    [
        html_answer(200),
        html_answer(404),
        Answer(200, b"[]"),
        Answer(200, b'{"id":1}'),
        Answer(200, b'{"id":"1","username":"alice"}'),
        Answer(200, b'{"id":true,"username":"alice"}'),
        Redirect("https://login.example.edu/"),
    ],
)
def test_an_address_that_is_not_rspaces_is_told(
    server: SimulatedRSpace, connect: Connect, act: Answer
) -> None:
    server.faults.add(Fault("whoami", act))
    with pytest.raises(InvalidAnswerError):
        connect(server).lanes()


def test_lanes_work_side_by_side(serve: Serve, connect: Connect) -> None:
    server = serve(Options(timing=JobTiming(run=0.2)))
    source = connect(server, api_keys=[ALICE_KEY, BOB_KEY, PI_KEY])
    states: dict[str, JobState] = {}

    def export(lane: str) -> None:
        (request,) = [asked for asked in source.plan(source.lanes()) if asked.lane == lane]
        status = source.submit(request, lane)
        while status.state is JobState.RUNNING:
            status = source.poll(status.job, status.link, lane)
        states[lane] = status.state

    threads = [threading.Thread(target=export, args=(lane,)) for lane in source.lanes()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == dict.fromkeys(source.lanes(), JobState.COMPLETED)
    assert {export.user for export in server.exports} == {"alice", "bob", "pi"}
