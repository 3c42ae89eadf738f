import threading

import pytest
from tests.servers.elabftw import (
    ALICE_KEY,
    BOB_KEY,
    READ_ONLY_KEY,
    Answer,
    Fault,
    Redirect,
    SimulatedElabftw,
    html_answer,
)

from labferry.sdk import InvalidAnswerError, JobState, RefusedError, Severity, TransientError
from labferry_elabftw import ElabftwSource

from .conftest import Connect

UNKNOWN = "9-unknownunknownunknown"


def test_each_key_is_a_lane_and_exports_the_work_of_its_user(
    server: SimulatedElabftw, connect: Connect
) -> None:
    source = connect(server, api_keys=[ALICE_KEY, BOB_KEY])
    host = server.url.removeprefix("http://")
    assert source.lanes() == [f"user-1@{host}", f"user-2@{host}"]
    requests = source.plan(source.lanes())
    assert [(each.series, each.title, each.lane) for each in requests] == [
        ("user-1", "work of Alice Abel", f"user-1@{host}"),
        ("user-2", "work of Bob Brown", f"user-2@{host}"),
    ]
    assert [str(each.names) for each in requests] == ["Alice Abel", "Bob Brown"]


def test_a_user_is_exported_once_whatever_keys_there_are(
    server: SimulatedElabftw, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(connect(server, api_keys=[ALICE_KEY, READ_ONLY_KEY]).lanes()) == 1
    assert "key 2 of 2 from plain text in the configuration belongs to user-1@" in caplog.text


def test_a_refused_key_is_named_and_the_others_work(
    server: SimulatedElabftw, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    source = connect(server, api_keys=[UNKNOWN, BOB_KEY])
    assert len(source.lanes()) == 1
    (problem,) = source.problems
    assert "key 1 of 2" in str(problem)
    assert UNKNOWN not in str(problem) + caplog.text
    errors = [each.message for each in source.check() if each.severity is Severity.ERROR]
    assert len(errors) == 1
    assert "key 1 of 2" in errors[0]


def test_the_owner_may_have_another_name_tomorrow(
    server: SimulatedElabftw, connect: Connect
) -> None:
    before = connect(server).lanes()
    server.world.users[0].lastname = "Baker"
    assert connect(server).lanes() == before


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel-schlüssel"])
def test_what_can_not_be_a_key_is_not_sent_and_not_shown(
    server: SimulatedElabftw, connect: Connect, key: str
) -> None:
    with pytest.raises(RefusedError, match="is not an API key") as caught:
        connect(server, key).lanes()
    assert key not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (html_answer(200), InvalidAnswerError),
        (html_answer(502), TransientError),
        (Answer(200, b"[]"), InvalidAnswerError),
        (Answer(200, b'{"userid": true}'), InvalidAnswerError),
        (Redirect("https://login.example.edu/"), InvalidAnswerError),
    ],
)
def test_an_answer_that_names_no_user(
    server: SimulatedElabftw, source: ElabftwSource, act: Answer, error: type[Exception]
) -> None:
    server.faults.add(Fault("me", act))
    with pytest.raises(error):
        source.lanes()
    assert len(source.lanes()) == 1


def test_a_key_in_the_words_of_the_server_is_not_repeated(
    server: SimulatedElabftw, source: ElabftwSource
) -> None:
    body = f'{{"code": 401, "message": "No such key: {ALICE_KEY}", "description": ""}}'
    server.faults.add(Fault("me", Answer(401, body.encode(), "application/json")))
    with pytest.raises(RefusedError) as caught:
        source.lanes()
    assert ALICE_KEY not in str(caught.value)


def test_lanes_work_side_by_side(server: SimulatedElabftw, connect: Connect) -> None:
    source = connect(server, api_keys=[ALICE_KEY, BOB_KEY])
    states: dict[str, JobState] = {}

    def follow(lane: str) -> None:
        (request,) = [each for each in source.plan(source.lanes()) if each.lane == lane]
        status = source.submit(request, lane)
        while status.state is JobState.RUNNING:
            status = source.poll(status.job, status.link, lane)
        states[lane] = status.state

    threads = [threading.Thread(target=follow, args=(lane,)) for lane in source.lanes()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == dict.fromkeys(source.lanes(), JobState.COMPLETED)
    assert {export.user for export in server.exports} == {1, 2}


def test_check_says_what_would_be_exported_and_begins_nothing(
    server: SimulatedElabftw, source: ElabftwSource
) -> None:
    told = [finding.message for finding in source.check()]
    assert "eLabFTW 5.6.12 answers" in told[0]
    assert "Alice Abel" in told[1]
    assert told[2] == (
        "Would export as eln: experiments, items, experiments_templates, the own work of "
        "Alice Abel."
    )
    assert server.begun == 0


def test_check_finds_a_key_that_may_only_read(server: SimulatedElabftw, connect: Connect) -> None:
    findings = list(connect(server, READ_ONLY_KEY).check())
    (error,) = [each.message for each in findings if each.severity is Severity.ERROR]
    assert "may only read" in error


@pytest.mark.parametrize(
    ("exports", "severity"), [(3, Severity.OK), (4, Severity.WARNING), (6, Severity.ERROR)]
)
def test_check_counts_the_exports_that_are_there(
    server: SimulatedElabftw, source: ElabftwSource, exports: int, severity: Severity
) -> None:
    for _ in range(exports):
        server.export_by_hand()
    assert severity in [finding.severity for finding in source.check()]
    assert len(server.exports) == exports


def test_check_finds_a_server_that_is_too_old(
    server: SimulatedElabftw, source: ElabftwSource
) -> None:
    server.options.version = 50012
    with pytest.raises(InvalidAnswerError, match=r"5\.0\.12 .* needs eLabFTW 5\.1 or later"):
        list(source.check())
