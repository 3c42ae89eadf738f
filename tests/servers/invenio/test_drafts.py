"""Drafts and their metadata."""

from typing import Any

import pytest

from .conftest import Caller, Open, metadata


def fields(shown: dict[str, Any]) -> set[str]:
    return {error["field"] for error in shown.get("errors", [])}


def test_a_draft_takes_incomplete_metadata_and_tells(owner: Caller) -> None:
    response = owner.post("/records", json={"metadata": {"title": "ab", "colour": "red"}})
    assert response.status_code == 201
    shown = response.json()
    assert fields(shown) == {
        "metadata.title",
        "metadata.colour",
        "metadata.creators",
        "metadata.resource_type",
        "metadata.publication_date",
    }
    assert shown["metadata"] == {}
    assert all(error["messages"] for error in shown["errors"])


def test_a_complete_draft_has_no_errors(owner: Caller) -> None:
    shown = owner.get(f"/records/{owner.draft()}/draft").json()
    assert "errors" not in shown
    assert shown["is_draft"] is True
    assert shown["is_published"] is False
    assert shown["status"] == "draft"
    assert shown["parent"]["id"] != shown["id"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("creators", [{"person_or_org": {"type": "personal", "name": "Marie"}}]),
        ("creators", [{"person_or_org": {"type": "organizational"}}]),
        ("creators", [{"person_or_org": {"type": "robot", "name": "R2"}}]),
        ("creators", ["Marie"]),
        ("title", 5),
        ("description", "ab"),
        ("publication_date", "yesterday"),
        ("identifiers", "x"),
        ("identifiers", [{"scheme": "nonsense", "identifier": "x"}]),
        ("identifiers", [{"scheme": "other", "identifier": ""}]),
        ("identifiers", [{"scheme": "other", "identifier": each} for each in "ab"]),
        ("related_identifiers", [{"scheme": "url", "identifier": "https://a.example"}]),
        ("rights", [{"link": "https://a.example"}]),
        ("rights", "cc0-1.0"),
    ],
)
def test_what_is_wrong_is_left_out_and_told(owner: Caller, name: str, value: object) -> None:
    response = owner.post("/records", json={"metadata": metadata(**{name: value})})
    assert response.status_code == 201
    assert fields(response.json()) == {f"metadata.{name}"}
    assert name not in response.json()["metadata"]


@pytest.mark.parametrize(
    "field",
    [
        {"resource_type": {"id": "notebook"}},
        {"rights": [{"id": "cc-by-5.0"}]},
        {"languages": [{"id": "xx"}]},
    ],
)
def test_trap_8_unknown_ids_of_vocabularies_fail_the_creation(
    owner: Caller, field: dict[str, object]
) -> None:
    response = owner.post("/records", json={"metadata": metadata(**field)})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == f"metadata.{next(iter(field))}"
    assert not owner.server.drafts


def test_trap_9_a_draft_expires_when_it_was_made_and_stays(owner: Caller) -> None:
    shown = owner.get(f"/records/{owner.draft()}/draft").json()
    assert shown["expires_at"] == shown["created"]
    assert owner.get(f"/records/{shown['id']}/draft").status_code == 200


def test_a_put_replaces_all_metadata(owner: Caller) -> None:
    draft = owner.draft(metadata=metadata(description="The first one"))
    response = owner.call("PUT", f"/records/{draft}/draft", json={"metadata": {"title": "New"}})
    assert response.status_code == 200
    assert response.json()["metadata"] == {"title": "New"}


def test_a_put_keeps_the_access_and_pids_that_it_omits(owner: Caller) -> None:
    draft = owner.draft(access={"record": "public", "files": "restricted"})
    assert owner.post(f"/records/{draft}/draft/pids/doi").status_code == 201
    owner.call("PUT", f"/records/{draft}/draft", json={"metadata": metadata()})
    kept = owner.server.drafts[draft]
    assert kept.access["files"] == "restricted"
    assert kept.doi == f"10.5072/{draft}"


def test_older_servers_lose_pids_that_a_put_omits(open_server: Open) -> None:
    owner = open_server(omitted_pids="lost")
    draft = owner.draft()
    pids = owner.post(f"/records/{draft}/draft/pids/doi").json()["pids"]
    body = {"metadata": metadata()}
    owner.call("PUT", f"/records/{draft}/draft", json={**body, "pids": pids})
    assert owner.server.drafts[draft].doi == pids["doi"]["identifier"]
    owner.call("PUT", f"/records/{draft}/draft", json=body)
    assert owner.server.drafts[draft].doi is None


def test_access_is_public_unless_told_otherwise(owner: Caller) -> None:
    draft = owner.draft()
    access = owner.server.drafts[draft].access
    assert (access["record"], access["files"]) == ("public", "public")


def test_access_that_makes_no_sense_is_public_with_errors(owner: Caller) -> None:
    body = {"metadata": metadata(), "access": {"record": "private", "files": "closed"}}
    response = owner.post("/records", json=body)
    assert response.status_code == 201
    access = response.json()["access"]
    assert (access["record"], access["files"]) == ("public", "public")
    assert fields(response.json()) == {"access.record", "access.files"}


def test_zenodo_refuses_restricted_records(zenodo: Caller) -> None:
    body = {"metadata": metadata(), "access": {"record": "restricted", "files": "restricted"}}
    assert zenodo.post("/records", json=body).status_code == 400
    draft = zenodo.draft(access={"record": "public", "files": "restricted"})
    assert zenodo.call("PUT", f"/records/{draft}/draft", json=body).status_code == 400
    assert zenodo.server.drafts[draft].access["record"] == "public"


def test_if_match_takes_the_bare_revision(owner: Caller) -> None:
    path = f"/records/{owner.draft()}/draft"
    shown = owner.get(path)
    body = {"metadata": metadata()}

    def put(revision: str) -> int:
        return owner.call("PUT", path, json=body, headers={"If-Match": revision}).status_code

    assert put(shown.headers["etag"]) == 400
    assert put(str(shown.json()["revision_id"])) == 200
    assert put(str(shown.json()["revision_id"])) == 412
    deleting = owner.call("DELETE", path, headers={"If-Match": "99"})
    assert deleting.status_code == 412


def test_a_deleted_draft_is_gone(owner: Caller) -> None:
    draft = owner.draft()
    assert owner.call("DELETE", f"/records/{draft}/draft").status_code == 204
    assert owner.get(f"/records/{draft}/draft").status_code == 404
    assert owner.get(f"/records/{draft}").status_code == 404
    assert owner.call("DELETE", f"/records/{draft}/draft").status_code == 404


def test_a_doi_is_reserved_once(owner: Caller) -> None:
    draft = owner.draft()
    assert owner.post(f"/records/{draft}/draft/pids/doi").status_code == 201
    assert owner.post(f"/records/{draft}/draft/pids/doi").status_code == 400


def test_there_is_no_doi_to_reserve_where_none_are_minted(open_server: Open) -> None:
    owner = open_server(mints_dois=False)
    assert owner.post(f"/records/{owner.draft()}/draft/pids/doi").status_code == 400


def test_trap_7_links_may_lead_to_another_host(open_server: Open) -> None:
    owner = open_server(links_url="https://elsewhere.example")
    record = owner.published()
    links = owner.get(f"/records/{record}").json()["links"]
    assert all(link.startswith("https://elsewhere.example/") for link in links.values())
    moved = owner.get(f"/records/{record}/versions/latest")
    assert moved.headers["location"] == f"https://elsewhere.example/api/records/{record}"
