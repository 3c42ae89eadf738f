"""Asking, following, finding again, deleting: the traps of the export API."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tests.servers.elabftw import (
    BOB_KEY,
    READ_ONLY_KEY,
    Answer,
    Fault,
    Redirect,
    Reset,
    SimulatedElabftw,
    Truncate,
    html_answer,
)

from labferry.sdk import (
    AnswerLostError,
    FullError,
    InvalidAnswerError,
    JobState,
    NotFoundError,
    RefusedError,
    TransientError,
)
from labferry_elabftw import ElabftwSource

from .conftest import Connect, Finish, planned

NOW = datetime.now(UTC)


def test_an_export_is_asked_for_as_the_server_wants_it(
    server: SimulatedElabftw, connect: Connect, finish: Finish
) -> None:
    source = connect(server, format="zip", entries=["items", "experiments"], include_json=True)
    status = finish(source)
    (row,) = server.exports
    assert (row.format, {*row.flags}) == ("zip", {"experiments", "items", "json"})
    assert row.data is not None
    offer = status.offer
    assert offer is not None
    assert (offer.size, offer.suffix, offer.crc32) == (len(row.data), ".zip", None)
    assert offer.sha256
    (submitted,) = [each for each in server.requests if each.kind == "submit"]
    assert submitted.headers["content-type"] == "application/json"


@pytest.mark.parametrize("site", ["https://elsewhere.example.edu", "http://127.0.0.1:1/eln"])
def test_the_address_that_the_server_believes_to_have_is_never_used(
    server: SimulatedElabftw, source: ElabftwSource, finish: Finish, site: str
) -> None:
    server.options.site_url = site
    status = finish(source)
    assert status.state is JobState.COMPLETED
    assert status.link == f"{server.url}/api/v2/exports/{status.job}"


@pytest.mark.parametrize("version", [50108, 50203, 50612, 60000])
def test_all_versions_that_have_exports(
    server: SimulatedElabftw, source: ElabftwSource, finish: Finish, version: int
) -> None:
    server.options.version = version
    status = finish(source)
    source.release_job(status.job, status.link, source.lanes()[0])
    assert server.exports == []


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda after: Reset(after_effect=after), id="reset"),
        pytest.param(lambda after: html_answer(500, after_effect=after), id="500 web page"),
        pytest.param(lambda after: html_answer(504, after_effect=after), id="504"),
        pytest.param(lambda after: html_answer(200, after_effect=after), id="200 web page"),
        pytest.param(lambda after: Answer(201, after_effect=after), id="no location"),
        pytest.param(
            lambda after: Answer(201, after_effect=after, headers=(("Location", "/exports/x"),)),
            id="odd location",
        ),
        pytest.param(
            lambda after: Answer(
                201, b"x", after_effect=after, headers=(("Content-Encoding", "gzip, gzip"),)
            ),
            id="in an encoding",
        ),
    ],
)
def test_trap_1_an_answer_that_is_lost_is_found_by_listing(
    server: SimulatedElabftw,
    source: ElabftwSource,
    act: Callable[[bool], Answer | Reset],
    begun: bool,  # noqa: FBT001 - a table
) -> None:
    server.export_by_hand(1, "eln", "experiments", "items", "experiments_templates")
    request, lane = planned(source)
    noted = source.note_jobs(request, lane)
    server.faults.add(Fault("submit", act(begun)))
    with pytest.raises(AnswerLostError):
        source.submit(request, lane)
    found = source.find_job(request, NOW, lane, noted)
    assert (found is not None) is begun
    if found is not None:
        assert found.ours
        assert found.job == str(server.exports[-1].id)
    assert server.begun == 1 + begun


def test_trap_1_a_queue_that_is_down_leaves_an_export_that_is_found(
    server: SimulatedElabftw, source: ElabftwSource
) -> None:
    request, lane = planned(source)
    noted = source.note_jobs(request, lane)
    server.options.socket_down = True
    with pytest.raises(AnswerLostError):
        source.submit(request, lane)
    found = source.find_job(request, NOW, lane, noted)
    assert found is not None
    assert found.state is JobState.RUNNING


def test_an_export_of_somebody_else_or_of_something_else_is_not_found(
    server: SimulatedElabftw, source: ElabftwSource
) -> None:
    request, lane = planned(source)
    noted = source.note_jobs(request, lane)
    server.export_by_hand(1, "zip", "experiments", "items", "experiments_templates")
    server.export_by_hand(1, "eln", "experiments")
    server.export_by_hand(2, "eln", "experiments", "items", "experiments_templates")
    assert source.find_job(request, NOW, lane, noted) is None


def test_where_two_are_new_neither_is_taken_for_ours(
    server: SimulatedElabftw, source: ElabftwSource
) -> None:
    request, lane = planned(source)
    noted = source.note_jobs(request, lane)
    for _ in range(2):
        server.export_by_hand(1, "eln", "experiments", "items", "experiments_templates")
    found = source.find_job(request, NOW, lane, noted)
    assert found is not None
    assert (found.job, found.ours) == (str(server.exports[0].id), False)
    assert source.find_job(request, NOW, lane, None) is None


@pytest.mark.parametrize("act", [html_answer(200), html_answer(502), Answer(200, b"{}")])
def test_a_list_that_does_not_come_tells_nothing(
    server: SimulatedElabftw, source: ElabftwSource, act: Answer
) -> None:
    request, lane = planned(source)
    server.faults.add(Fault("list", act))
    with pytest.raises(TransientError):
        source.find_job(request, NOW, lane, [])


def test_a_seventh_export_is_refused_with_what_is_there(
    server: SimulatedElabftw, source: ElabftwSource
) -> None:
    for form in ("eln", "zip", "pdf", "json", "csv", "eln"):
        server.export_by_hand(1, form)
    request, lane = planned(source)
    with pytest.raises(FullError, match=r"has 6 exports .*31 \(eln, ") as caught:
        source.submit(request, lane)
    assert "labferry deletes only its own" in caught.value.hint
    assert len(server.exports) == 6


def test_a_key_that_may_only_read_begins_nothing(
    server: SimulatedElabftw, connect: Connect
) -> None:
    source = connect(server, READ_ONLY_KEY)
    request, lane = planned(source)
    with pytest.raises(InvalidAnswerError, match="read-only") as caught:
        source.submit(request, lane)
    assert "may only read" in caught.value.hint


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (Answer(401), RefusedError),
        (Answer(403), RefusedError),
        (Answer(429, headers=(("Retry-After", "30"),)), TransientError),
        (Redirect("https://login.example.edu/"), InvalidAnswerError),
        (html_answer(413), InvalidAnswerError),
    ],
)
def test_what_certainly_began_nothing(
    server: SimulatedElabftw, source: ElabftwSource, act: Answer, error: type[Exception]
) -> None:
    request, lane = planned(source)
    server.faults.add(Fault("submit", act))
    with pytest.raises(error) as caught:
        source.submit(request, lane)
    assert not isinstance(caught.value, AnswerLostError)


def test_maintenance_is_waited_for(
    server: SimulatedElabftw, source: ElabftwSource, finish: Finish
) -> None:
    status = finish(source)
    request, lane = planned(source)
    server.options.maintenance = True
    for ask in (
        lambda: source.submit(request, lane),
        lambda: source.poll(status.job, status.link, lane),
        lambda: source.note_jobs(request, lane),
        lambda: source.release_job(status.job, status.link, lane),
        lambda: source.download(status.link, lane).__enter__(),
    ):
        with pytest.raises(TransientError) as caught:
            ask()
        assert not isinstance(caught.value, AnswerLostError)
    assert server.begun == 1


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("stuck", JobState.RUNNING), ("waits", JobState.RUNNING), ("failed", JobState.FAILED)],
)
def test_what_the_states_mean(
    server: SimulatedElabftw, source: ElabftwSource, outcome: str, state: JobState
) -> None:
    server.options.outcome = outcome  # type: ignore[assignment] # from the table above
    server.options.seconds = 0.0
    request, lane = planned(source)
    job = source.submit(request, lane)
    status = source.poll(job.job, job.link, lane)
    assert status.state is state
    assert status.offer is None
    if state is JobState.FAILED:
        assert status.reason == "Something went wrong."


@pytest.mark.parametrize(
    "act",
    [
        html_answer(200),
        Answer(500),
        Answer(200, b"[]"),
        Answer(200, b'{"id": 999, "state": 1, "format": "eln"}'),
        Answer(200, b'{"id": 31, "state": "1", "format": "eln"}'),
        Answer(200, b'{"id": 31, "state": 1, "format": "../x"}'),
        Truncate(20, honest=True),
    ],
)
def test_what_is_no_word_on_the_job_leaves_it_as_it_is(
    server: SimulatedElabftw, source: ElabftwSource, act: Answer
) -> None:
    request, lane = planned(source)
    job = source.submit(request, lane)
    server.faults.add(Fault("job", act))
    with pytest.raises(TransientError):
        source.poll(job.job, job.link, lane)


def test_a_hash_that_could_not_be_computed_is_none(
    server: SimulatedElabftw, source: ElabftwSource, finish: Finish
) -> None:
    server.options.outcome = "no hash"
    offer = finish(source).offer
    assert offer is not None
    assert offer.size
    assert offer.sha256 is None


def test_deleting_takes_the_one_export_and_is_done_once(
    server: SimulatedElabftw, source: ElabftwSource, finish: Finish
) -> None:
    server.export_by_hand()
    status = finish(source)
    lane = source.lanes()[0]
    source.release_job(status.job, status.link, lane)
    assert [export.id for export in server.exports] == [31]
    with pytest.raises(NotFoundError):
        source.release_job(status.job, status.link, lane)


@pytest.mark.parametrize("job", ["", "0", "x", "../users/1", "31?format=binary", "٣"])
def test_what_is_no_number_of_an_export_is_never_sent(
    server: SimulatedElabftw, source: ElabftwSource, job: str
) -> None:
    lane = source.lanes()[0]
    for ask in (source.poll, source.release_job):
        with pytest.raises(InvalidAnswerError):
            ask(job, "", lane)
    assert [request.kind for request in server.requests] == ["me"]


def test_a_job_of_another_user_is_not_found(
    server: SimulatedElabftw, source: ElabftwSource, connect: Connect, finish: Finish
) -> None:
    status = finish(source)
    bob = connect(server, BOB_KEY)
    with pytest.raises(NotFoundError):
        bob.poll(status.job, status.link, bob.lanes()[0])
