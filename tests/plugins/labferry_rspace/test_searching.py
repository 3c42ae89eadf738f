import json
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

import pytest

from labferry.sdk import (
    ExportRequest,
    InvalidAnswerError,
    NotFoundError,
    TransientError,
)
from labferry.testing.rspace import (
    Answer,
    Fault,
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


def kinds(server: SimulatedRSpace) -> list[str]:
    return [request.kind for request in server.requests]


def json_page(body: Mapping[str, object]) -> Answer:
    return Answer(200, json.dumps(body).encode(), "application/json")


def many_documents(count: int) -> list[Record]:
    return [Record(1000 + n, f"acid test {n}", "alice") for n in range(count)]


def test_a_search_follows_next_to_the_last_page(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    server.world.add(*many_documents(250))
    (request,) = plan(connect(server, scope="search", query="acid test"))
    assert request.parameters["selections"] == list(range(1000, 1250))
    assert request.parameters["scope"] == "selection"
    assert request.title == "search for acid test: 250 records"
    pages = [asked for asked in server.requests if asked.kind == "documents"]
    assert [parse_qs(page.query)["pageSize"] for page in pages] == [["100"]] * 3


def test_a_search_may_find_more_than_one_export_takes(
    server: SimulatedRSpace, connect: Connect, plan: Plan
) -> None:
    server.world.add(*many_documents(2100))
    source = connect(server, scope="search", query="acid test")
    first, second = plan(source)
    assert second.series == f"{first.series}-part2"
    assert second.lane == source.lanes()[0]
    assert second.title == "search for acid test, part 2 of 2: 100 records"


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
    with pytest.raises(InvalidAnswerError, match="something that is none"):
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
    limits = Throttling(quarter_min=Limit(4, 0.8), min_interval_ms=0)
    server = serve(Options(throttling=limits))
    server.world.add(*many_documents(900))
    (request,) = plan(connect(server, scope="search", query="acid test"))
    selections = request.parameters["selections"]
    assert isinstance(selections, list)
    assert len(selections) == 900
    assert 429 in [asked.status for asked in server.requests]


def test_a_longer_wait_is_left_to_the_core(serve: Serve, connect: Connect, plan: Plan) -> None:
    server = serve(Options(throttling=Throttling(hour=Limit(4, 3600), min_interval_ms=0)))
    server.world.add(*many_documents(900))
    with pytest.raises(TransientError) as caught:
        plan(connect(server, scope="search", query="acid test"))
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60


def test_closing_the_source_ends_the_waiting(serve: Serve, connect: Connect, plan: Plan) -> None:
    server = serve(Options(throttling=Throttling(quarter_min=Limit(5, 60), min_interval_ms=0)))
    server.world.add(*many_documents(900))
    source = connect(server, scope="search", query="acid test")
    source.lanes()
    source._session.closed.set()
    with pytest.raises(TransientError, match="broken off"):
        plan(source)
