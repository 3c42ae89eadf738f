"""Finding what to export: the contract's table of the other calls."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    CHEM_LAB,
    OUTSIDER_KEY,
    PI_KEY,
    SYSADMIN_KEY,
    Group,
    Kind,
    Options,
    Record,
    User,
    default_world,
)

from .caller import Caller, Clock
from .conftest import Open


def links(page: dict[str, Any]) -> dict[str, str]:
    return {link["rel"]: link["link"] for link in page["_links"]}


def test_status_and_whoami(caller: Caller) -> None:
    assert caller.get("/api/v1/status").json() == {"message": "OK", "rspaceVersion": "2.26.0"}
    me = caller.get("/api/v1/userDetails/whoami").json()
    assert (me["id"], me["username"], me["email"]) == (101, "alice", "alice@example.com")


def test_groups_are_the_caller_s_own_in_a_plain_array(caller: Caller) -> None:
    (group,) = caller.get("/api/v1/groups").json()
    assert (group["id"], group["globalId"], group["name"]) == (1234, "GP1234", "Chem Lab")
    roles = {member["username"]: member["role"] for member in group["members"]}
    assert roles == {"pi": "PI", "labadmin": "LAB_ADMIN", "alice": "USER", "bob": "USER"}
    assert caller.get("/api/v1/groups", OUTSIDER_KEY).json() == []
    assert caller.get("/api/v1/groups/1234").json() == group
    assert caller.get("/api/v1/groups/1234", SYSADMIN_KEY).json() == group
    for number, key in ((1234, OUTSIDER_KEY), (1, SYSADMIN_KEY)):
        assert caller.get(f"/api/v1/groups/{number}", key).status_code == 404


def test_group_search_finds_lab_groups_with_public_profiles(open_caller: Open) -> None:
    world = default_world()
    world.groups += [
        Group(2, "Chem hidden", "bob", public=False),
        Group(3, "Chem joint", "bob", lab=False),
    ]
    found = open_caller(world=world).get("/api/v1/groups/search?query=chem", OUTSIDER_KEY).json()
    assert [group["id"] for group in found] == [CHEM_LAB.id]


def test_sysadmin_users_lists_temporary_accounts_unless_told_otherwise(caller: Caller) -> None:
    path = "/api/v1/sysadmin/users"
    assert caller.get(path).status_code == 401
    assert [user["username"] for user in caller.get(path, SYSADMIN_KEY).json()["users"]] == [
        "temp1"
    ]
    everybody = caller.get(path, SYSADMIN_KEY, params={"tempAccountsOnly": "false"}).json()
    assert everybody["totalHits"] == len(caller.server.world.users)
    for order, status in (("creationDate asc", 200), ("username asc", 400)):
        assert caller.get(path, SYSADMIN_KEY, params={"orderBy": order}).status_code == status
    caller.server.options.sysadmin_addresses_allowed = False
    assert caller.get(path, SYSADMIN_KEY).status_code == 401


def test_pages_follow_next_until_it_is_absent(open_caller: Open) -> None:
    world = default_world()
    world.add(*(Record(1000 + n, f"Page {n:02}", "bob") for n in range(45)))
    caller = open_caller(world=world)
    path: str | None = "/api/v1/documents?query=page&orderBy=name%20asc"
    names: list[str] = []
    rels = []
    while path is not None:
        page = caller.get(path, BOB_KEY).json()
        assert page["totalHits"] == 45
        names += [document["name"] for document in page["documents"]]
        rels.append(set(links(page)))
        path = links(page).get("next")
    assert names == [f"Page {n:02}" for n in range(45)]
    assert rels == [
        {"self", "first", "last", "next"},
        {"self", "first", "last", "next", "prev"},
        {"self", "first", "last", "prev"},
    ]


@pytest.mark.parametrize("query", ["pageSize=0", "pageSize=101", "pageNumber=-1", "orderBy=size"])
def test_bad_paging_is_400(caller: Caller, query: str) -> None:
    response = caller.get(f"/api/v1/documents?{query}")
    assert (response.status_code, response.json()["internalCode"]) == (400, 40002)


def names(caller: Caller, key: str = ALICE_KEY, **params: str) -> set[str]:
    response = caller.get("/api/v1/documents", key, params=params)
    assert response.status_code == 200, response.text
    return {document["name"] for document in response.json()["documents"]}


def test_documents_are_searched_by_query_or_advanced_query(caller: Caller) -> None:
    assert names(caller, query="buffer") == {"Buffer recipes"}
    assert names(caller, filter="sharedWithMe") == {"Stock solutions"}
    assert "NMR runs" in names(caller, PI_KEY)
    both = '[{"query":"titration","queryType":"tag"},{"query":"NaOH","queryType":"fullText"}]'
    assert names(caller, advancedQuery=f'{{"terms":{both}}}') == {"Titration of acetic acid"}
    other = both.replace("NaOH", "pH 7")
    assert names(caller, advancedQuery=f'{{"operator":"or","terms":{other}}}') == {
        "Titration of acetic acid",
        "Buffer recipes",
    }


def test_search_is_cut_before_it_is_filtered(open_caller: Open) -> None:
    world = default_world()
    world.add(*(Record(1000 + n, f"Cut {n}", "bob") for n in range(1200)))
    world.add(*(Record(5000 + n, f"Cut {n}", "bob", Kind.FOLDER) for n in range(1200)))
    caller = open_caller(world=world)
    for key, most in ((BOB_KEY, 1000), (SYSADMIN_KEY, 500)):
        total = caller.get("/api/v1/documents?query=cut", key).json()["totalHits"]
        assert 0.4 * most < total < 0.6 * most


def test_global_term_beside_another_must_match_every_field(caller: Caller) -> None:
    made = {"query": "2024-01-01;2030-01-01", "queryType": "created"}
    for kind, found in (("global", set()), ("name", {"Buffer recipes"})):
        terms = [{"query": "buffer", "queryType": kind}, made]
        assert names(caller, advancedQuery=json.dumps({"terms": terms})) == found


def test_comments_and_attachments_are_searched(caller: Caller) -> None:
    world = caller.server.world
    world.add(replace(world.records[203], comments=("see the freezer",)))
    assert names(caller, query="freezer") == {"Buffer recipes"}
    terms = [{"query": "burette", "queryType": "attachment"}]
    assert names(caller, advancedQuery=json.dumps({"terms": terms})) == {"Titration of acetic acid"}


def test_dates_and_folders_narrow_a_search(caller: Caller) -> None:
    title, day = {"query": "o", "queryType": "name"}, "2024-03-01"
    for narrowed, found in (
        ({"query": f"{day};{day}", "queryType": "created"}, {202, 204, 207, 212}),
        ({"query": f"{day}T09:30:00.001Z;", "queryType": "created"}, set()),
        ({"query": f";{day}T09:29:59Z", "queryType": "lastModified"}, set()),
        ({"query": "NB201", "queryType": "records"}, {202}),
        ({"query": "bob", "queryType": "owner"}, {212}),
    ):
        query = json.dumps({"terms": [title, narrowed]})
        page = caller.get("/api/v1/documents", params={"advancedQuery": query}).json()
        assert {document["id"] for document in page["documents"]} == found


def test_accounts_of_the_same_moment_change_places_between_pages(open_caller: Open) -> None:
    world = default_world()
    world.users += [User(1000 + n, f"user{n}", f"{n:020d}") for n in range(150)]
    caller = open_caller(world=world)
    path: str | None = "/api/v1/sysadmin/users?tempAccountsOnly=false&pageSize=100"
    listed: list[int] = []
    while path is not None:
        page = caller.get(path, SYSADMIN_KEY).json()
        assert page["totalHits"] == 157
        listed += [user["id"] for user in page["users"]]
        path = links(page).get("next")
    assert len({*listed}) < len(listed) == 157


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"query": "a", "advancedQuery": "{}"}, 400),
        ({"advancedQuery": "x" * 2001}, 400),
        ({"advancedQuery": "not json"}, 422),
        ({"advancedQuery": '{"terms":[{"query":"a","queryType":"colour"}]}'}, 422),
    ],
)
def test_bad_searches(caller: Caller, params: dict[str, str], status: int) -> None:
    assert caller.get("/api/v1/documents", params=params).status_code == status


def test_activity_shows_finished_exports_by_file_name(open_caller: Open) -> None:
    clock = Clock()
    caller = open_caller(Options(clock=clock))

    def exported() -> list[str]:
        page = caller.get("/api/v1/activity", params={"actions": "EXPORT"}).json()
        return [event["payload"]["fileName"] for event in page["activities"]]

    caller.start()
    assert exported() == []
    clock.now = 1
    assert exported() == [caller.server.exports[0].file]


def test_activity_shows_that_something_was_written(caller: Caller) -> None:
    def written() -> list[str]:
        page = caller.get("/api/v1/activity", params={"actions": "WRITE"}).json()
        return [event["payload"]["id"] for event in page["activities"]]

    assert written() == []
    world = caller.server.world
    world.add(replace(world.records[203], modified=datetime.now(UTC)))
    assert written() == ["SD203"]


def test_activity_covers_183_days_at_most(caller: Caller) -> None:
    for since, status in (("2024-01-01", 200), ("2023-01-01", 400), ("yesterday", 400)):
        params = {"dateFrom": since, "dateTo": "2024-03-10"}
        assert caller.get("/api/v1/activity", params=params).status_code == status


def test_links_of_pages_follow_the_prefix(open_caller: Open) -> None:
    caller = open_caller(Options(urls_prefix="https://eln.example.edu"))
    page = caller.get("/api/v1/documents?pageSize=1&query=e").json()
    assert links(page)["next"].startswith("https://eln.example.edu/api/v1/documents?pageNumber=1")
    assert "query=e" in links(page)["next"]
