import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from urllib.parse import parse_qs

import pytest

from labferry.sdk import (
    ExitCode,
    ExportRequest,
    IncompleteError,
    InvalidAnswerError,
    NotFinishedError,
    NotFoundError,
    Severity,
    StoppedError,
    TransientError,
)
from labferry.sdk.waiting import interruptible
from labferry.testing.rspace import (
    ALICE_KEY,
    SYSADMIN_KEY,
    Answer,
    Fault,
    Kind,
    Limit,
    Options,
    Record,
    SimulatedRSpace,
    Throttling,
    html_answer,
)
from labferry_rspace import RSpaceSource

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Plan = Callable[[RSpaceSource], list[ExportRequest]]

DAY = datetime(2024, 5, 1, tzinfo=UTC)


def kinds(server: SimulatedRSpace) -> list[str]:
    return [request.kind for request in server.requests]


def json_page(body: Mapping[str, object]) -> Answer:
    return Answer(200, json.dumps(body).encode(), "application/json")


def many_documents(count: int, kind: Kind = Kind.DOCUMENT, *, first: int = 1000) -> list[Record]:
    """One a minute."""
    return [
        Record(first + n, f"acid test {n}", "alice", kind, created=DAY + n * timedelta(minutes=1))
        for n in range(count)
    ]


def test_a_search_follows_next_to_the_last_page(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    server.world.add(*many_documents(240))
    (request,) = plan(connect(server, scope="search", query="acid test"))
    assert request.parameters["selections"] == list(range(1000, 1240))
    assert request.parameters["scope"] == "selection"
    assert request.title == "search for acid test: 240 records"
    pages = [asked.query for asked in server.requests if asked.kind == "documents"]
    assert {*chain(*(parse_qs(page)["pageSize"] for page in pages))} == {"100"}
    whole = [page for page in pages if "advancedQuery" not in page]
    assert [parse_qs(page).get("pageNumber", ["0"]) for page in whole] == [["0"], ["1"], ["2"]]


def test_a_search_may_find_more_than_one_export_takes(
    server: SimulatedRSpace, connect: Connect, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labferry_rspace.planning._MOST_IDS", 100)
    server.world.add(*many_documents(110))
    source = connect(server, scope="search", query="acid test")
    first, second = plan(source)
    assert second.series == f"{first.series}-part2"
    assert second.lane == source.lanes()[0]
    assert second.title == "search for acid test, part 2 of 2: 10 records"


def test_an_advanced_search_is_passed_on(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    query = json.dumps({"operator": "and", "terms": [{"query": "titration", "queryType": "tag"}]})
    (request,) = plan(connect(server, scope="search", advanced_query=query))
    assert request.parameters["selections"] == [202]


def test_a_search_keeps_its_series_whatever_it_finds(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    source = connect(server, scope="search", query="recipes")
    (before,) = plan(source)
    server.world.add(Record(900, "More recipes", "alice"))
    (after,) = plan(source)
    assert before.series == after.series
    assert before.series.startswith("search-")
    assert before.parameters != after.parameters


def test_a_search_that_finds_nothing_is_an_error_and_not_an_empty_backup(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    with pytest.raises(NotFoundError, match="finds nothing"):
        plan(connect(server, scope="search", query="no such words"))


def test_trap_10_next_is_followed_at_the_configured_address_only(
    serve: Serve, connect: Connect, plan: Plan
) -> None:
    other = serve()
    server = serve(Options(urls_prefix=f"{other.url}/"))
    server.world.add(*many_documents(150))
    (request,) = plan(connect(server, scope="search", query="acid test"))
    selections = request.parameters["selections"]
    assert isinstance(selections, list)
    assert len(selections) == 150
    assert other.requests == []


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.com/?x=/api/v1/documents",
        "{}/api/v1/sysadmin/users",
        "{}/api/v1/documents/../jobs/1",
        "nonsense",
    ],
)
def test_a_next_page_that_is_none_is_not_followed(
    server: SimulatedRSpace, connect: Connect, plan: Plan, link: str
) -> None:
    body = {
        "totalHits": 5,
        "documents": [{"id": 1}],
        "_links": [{"rel": "next", "link": link.format(server.url)}],
    }
    server.faults.add(Fault("documents", json_page(body)))
    with pytest.raises(InvalidAnswerError, match="leads elsewhere"):
        plan(connect(server, scope="search", query="a"))
    assert kinds(server).count("documents") == 1


def test_pages_that_lead_to_each_other_end(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    links = [{"rel": "next", "link": f"{server.url}/api/v1/documents?pageNumber=1"}]
    body = {"totalHits": 5, "documents": [{"id": 1}], "_links": links}
    server.faults.add(Fault("documents", json_page(body), times=None))
    with pytest.raises(InvalidAnswerError, match="never end"):
        plan(connect(server, scope="search", query="a"))
    assert kinds(server).count("documents") == 2


@pytest.mark.parametrize(
    "body",
    [b"<html></html>", b"[]", b"null", b'{"documents":[{"id":"x"}]}', b'{"documents":[{}]}'],
)
def test_lists_of_another_shape_are_invalid(
    server: SimulatedRSpace, connect: Connect, plan: Plan, body: bytes
) -> None:
    server.faults.add(Fault("documents", Answer(200, body)))
    with pytest.raises(InvalidAnswerError):
        plan(connect(server, scope="search", query="a"))


def test_a_list_that_fails_is_transient(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    server.faults.add(Fault("documents", html_answer(502)))
    with pytest.raises(TransientError, match="HTTP 502"):
        plan(connect(server, scope="search", query="a"))


def test_many_pages_are_paced_as_throttling_demands(
    serve: Serve, connect: Connect, plan: Plan
) -> None:
    limits = Throttling(quarter_min=Limit(4, 0.3), min_interval_ms=0)
    server = serve(Options(throttling=limits))
    server.world.add(*many_documents(240))
    (request,) = plan(connect(server, scope="search", query="acid test"))
    selections = request.parameters["selections"]
    assert isinstance(selections, list)
    assert len(selections) == 240
    assert 429 in [asked.status for asked in server.requests]


def test_a_longer_wait_is_left_to_the_core(serve: Serve, connect: Connect, plan: Plan) -> None:
    server = serve(Options(throttling=Throttling(hour=Limit(4, 3600), min_interval_ms=0)))
    server.world.add(*many_documents(900))
    with pytest.raises(TransientError) as caught:
        plan(connect(server, scope="search", query="acid test"))
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60


@pytest.fixture
def slow(serve: Serve) -> SimulatedRSpace:
    """A server that allows five requests a minute."""
    server = serve(Options(throttling=Throttling(quarter_min=Limit(5, 60), min_interval_ms=0)))
    server.world.add(*many_documents(900))
    return server


def test_a_stop_ends_the_waiting(slow: SimulatedRSpace, connect: Connect, plan: Plan) -> None:
    source = connect(slow, scope="search", query="acid test")
    lanes = source.lanes()

    def stop() -> None:
        if 429 in [asked.status for asked in slow.requests]:
            raise StoppedError(15)

    with interruptible(stop), pytest.raises(StoppedError):
        source.plan(lanes)


def test_nothing_is_waited_for_longer_than_the_run_may(
    slow: SimulatedRSpace, connect: Connect
) -> None:
    source = connect(slow, scope="search", query="acid test")
    with interruptible(lambda: None, lambda: 1.0), pytest.raises(NotFinishedError, match="wait"):
        source.plan(source.lanes())


# What the server cuts


@pytest.fixture
def small_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with a tenth of the documents."""
    monkeypatch.setattr("labferry.testing.rspace.searches.MOST_HITS", 100)
    monkeypatch.setattr("labferry.testing.rspace.searches.MOST_HITS_OF_SYSADMIN", 50)
    monkeypatch.setattr("labferry_rspace.searching._FEW", 25)


def found(source: RSpaceSource) -> list[int]:
    (request,) = source.plan(source.lanes())
    selections = request.parameters["selections"]
    assert isinstance(selections, list)
    return [int(str(number)) for number in selections]


@pytest.mark.usefixtures("small_cuts")
@pytest.mark.parametrize("key", [ALICE_KEY, SYSADMIN_KEY])
@pytest.mark.parametrize("count", [40, 160])
def test_a_search_that_the_server_cuts_is_split_by_date(
    server: SimulatedRSpace, connect: Connect, key: str, count: int
) -> None:
    server.world.add(*many_documents(count))
    source = connect(server, key, scope="search", query="acid test")
    assert found(source) == list(range(1000, 1000 + count))
    assert source.problems == ()


@pytest.mark.usefixtures("small_cuts")
def test_what_is_cut_away_by_folders_is_found(server: SimulatedRSpace, connect: Connect) -> None:
    """Few documents are left of such a search, so their number does not show that it was cut."""
    server.world.add(*many_documents(24), *many_documents(300, Kind.FOLDER, first=5000))
    source = connect(server, SYSADMIN_KEY, scope="search", query="acid test")
    assert found(source) == list(range(1000, 1024))
    assert source.problems == ()


@pytest.mark.usefixtures("small_cuts")
@pytest.mark.parametrize(
    ("operator", "terms", "count"),
    [
        ("and", [("acid", "name")], 61),
        ("and", [("acid", "global")], 61),
        ("and", [("acid", "name"), ("alice", "owner")], 61),
        ("and", [("acid", "name"), ("burette", "attachment")], 61),
        ("or", [("acid", "global"), ("titration", "tag")], 61),
        ("or", [("acid", "name"), ("burette", "attachment")], 61),
        ("or", [("acid", "name"), ("test", "name"), ("NB201", "records")], 31),
        ("and", [("acid", "name"), ("2024-05-01;2024-05-01", "created")], 60),
    ],
)
def test_an_advanced_search_is_split_and_finds_the_same(
    server: SimulatedRSpace,
    connect: Connect,
    operator: str,
    terms: list[tuple[str, str]],
    count: int,
) -> None:
    many = many_documents(60)
    server.world.add(*(replace(each, parent=201) for each in many[:30]), *many[30:])
    query = {"operator": operator, "terms": [{"query": q, "queryType": t} for q, t in terms]}
    source = connect(server, SYSADMIN_KEY, scope="search", advanced_query=json.dumps(query))
    assert len(found(source)) == count
    assert source.problems == ()


@pytest.mark.usefixtures("small_cuts")
def test_a_search_that_can_not_be_split_is_incomplete(
    server: SimulatedRSpace, connect: Connect
) -> None:
    server.world.add(*(replace(each, created=DAY) for each in many_documents(160)))
    source = connect(server, scope="search", query="acid test")
    (request,) = source.plan(source.lanes())
    assert request.title == "search for acid test, incomplete: 100 records"
    (problem,) = source.problems
    assert isinstance(problem, IncompleteError)
    assert problem.exit_code == ExitCode.PARTIAL
    assert "100 documents were created at the same moment, 2024-05-01 00:00:00 UTC" in str(problem)
    *_, warning = source.check()
    assert warning.severity is Severity.WARNING
    assert "There may be more" in warning.message


@pytest.mark.usefixtures("small_cuts")
def test_a_search_for_attachments_can_not_be_split(
    server: SimulatedRSpace, connect: Connect
) -> None:
    server.world.add(*(replace(each, attachments=(205,)) for each in many_documents(30)))
    query = {"terms": [{"query": "burette", "queryType": "attachment"}]}
    source = connect(server, scope="search", advanced_query=json.dumps(query))
    assert len(found(source)) == 31
    assert "can't be split by date" in str(source.problems[0])


@pytest.mark.usefixtures("small_cuts")
@pytest.mark.parametrize(
    ("answer", "doubt"),
    [
        ({"id": 1, "created": "2020-05-01T00:00:00Z"}, "ignores the dates"),
        (None, "misses documents if it is split by date"),
    ],
)
def test_a_server_that_does_not_know_dates_is_not_believed(
    server: SimulatedRSpace, connect: Connect, answer: dict[str, object] | None, doubt: str
) -> None:
    server.world.add(*many_documents(30))
    documents = [] if answer is None else [answer]
    body = {"totalHits": len(documents), "documents": documents, "_links": []}
    server.faults.add(Fault("documents", json_page(body), nth=2, times=None))
    source = connect(server, scope="search", query="acid test")
    assert len(found(source)) >= 30
    assert doubt in str(source.problems[0])


def test_a_page_that_lacks_documents_makes_a_search_incomplete(
    server: SimulatedRSpace, connect: Connect
) -> None:
    body = {"totalHits": 3, "documents": [{"id": 1}, {"id": 2}], "_links": []}
    server.faults.add(Fault("documents", json_page(body), times=4))
    source = connect(server, scope="search", query="no such words")
    assert found(source) == [1, 2]
    assert "did not show 1 of the documents" in str(source.problems[0])
    orders = [parse_qs(asked.query).get("orderBy") for asked in server.requests[-20:]]
    assert ["created desc"] in orders
