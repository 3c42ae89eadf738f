"""Searches: what queries match, and how far the index is behind."""

import pytest

from .conftest import Another, Caller, Open, metadata

MARKER = 'metadata.identifiers.identifier:"{}"'


def marked(owner: Caller, marker: str) -> str:
    identifiers = [{"scheme": "other", "identifier": marker}]
    return owner.draft(metadata=metadata(identifiers=identifiers))


def test_a_quoted_identifier_finds_exactly_its_draft(owner: Caller) -> None:
    wanted = marked(owner, "labferry:aa")
    marked(owner, "labferry:ab")
    assert owner.find(MARKER.format("labferry:aa")) == [wanted]
    assert owner.find(MARKER.format("labferry")) == []


def test_an_unquoted_value_matches_any_of_its_words(owner: Caller) -> None:
    first, second = marked(owner, "labferry-aa"), marked(owner, "labferry-ab")
    query = "metadata.identifiers.identifier:labferry-aa"
    assert set(owner.find(query)) == {first, second}


def test_broken_syntax_is_silently_a_search_for_any_word(owner: Caller) -> None:
    first, second = marked(owner, "labferry:aa"), marked(owner, "labferry:ab")
    query = "metadata.identifiers.identifier:labferry:aa"
    assert set(owner.find(query)) == {first, second}
    assert owner.find('metadata.title:"Backup') == [second, first]


def test_clauses_are_joined_with_and(owner: Caller) -> None:
    record, draft = owner.published(), owner.draft()
    marker = MARKER.format("labferry:0123")
    assert owner.find(f"{marker} AND is_published:true") == [record]
    assert owner.find(f"{marker} AND is_published:false") == [draft]
    assert owner.find('metadata.title:"a notebook" AND status:"published"') == [record]
    parent = owner.server.drafts[draft].parent_id
    assert owner.find(f'parent.id:"{parent}"') == [draft]


def test_the_index_is_behind_for_new_drafts_and_for_deleted_ones(open_server: Open) -> None:
    now = [1000.0]
    owner = open_server(index_delay=5.0, clock=lambda: now[0])
    draft = owner.draft()
    assert owner.find() == []
    now[0] += 5
    assert owner.find() == [draft]
    owner.call("DELETE", f"/records/{draft}/draft")
    assert owner.find() == [draft]
    assert owner.get(f"/records/{draft}/draft").status_code == 404
    now[0] += 5
    assert owner.find() == []


def test_the_index_can_be_refreshed(open_server: Open) -> None:
    owner = open_server(index_delay=3600.0)
    draft = owner.draft()
    assert owner.find() == []
    owner.server.refresh_index()
    assert owner.find() == [draft]


def test_the_list_hides_published_versions_with_a_draft_behind_them(owner: Caller) -> None:
    record = owner.published()
    assert owner.find(allversions="") == [record]
    draft = owner.post(f"/records/{record}/versions").json()["id"]
    assert owner.find(allversions="false") == [draft]
    assert set(owner.find(allversions="true", shared_with_me="false")) == {record, draft}


def test_everybody_finds_what_is_published(owner: Caller, as_somebody: Another) -> None:
    record = owner.published()
    owner.draft()
    hits = as_somebody(owner, None).get("/records").json()["hits"]
    assert [hit["id"] for hit in hits["hits"]] == [record]


def test_hits_come_in_pages(owner: Caller) -> None:
    drafts = [owner.draft() for _ in range(3)]
    first = owner.get("/user/records", params={"size": 2}).json()
    assert first["hits"]["total"] == 3
    second = owner.get(first["links"]["next"]).json()
    hits = first["hits"]["hits"] + second["hits"]["hits"]
    assert [hit["id"] for hit in hits] == drafts[::-1]
    assert "next" not in second["links"]


@pytest.mark.parametrize("params", [{"size": "0"}, {"size": "many"}, {"page": "-1"}])
def test_pages_that_cannot_be_are_refused(owner: Caller, params: dict[str, str]) -> None:
    assert owner.get("/user/records", params=params).status_code == 400
