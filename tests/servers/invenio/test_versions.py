"""Series: what a new version inherits, and what is in its way."""

from datetime import UTC, datetime

from .conftest import Caller, Open, metadata


def new_version(owner: Caller, record: str) -> str:
    response = owner.post(f"/records/{record}/versions")
    assert response.status_code == 201
    return str(response.json()["id"])


def test_a_new_version_inherits_metadata_and_access_but_no_files_and_no_doi(
    owner: Caller,
) -> None:
    record = owner.published(
        metadata=metadata(version="1", publication_date="2020"),
        access={"record": "public", "files": "restricted"},
    )
    version = new_version(owner, record)
    draft = owner.server.drafts[version]
    assert draft.identifiers == ["labferry:0123"]
    assert draft.metadata["title"] == "Backup of a notebook"
    assert "version" not in draft.metadata
    assert draft.metadata["publication_date"] == datetime.now(UTC).date().isoformat()
    assert (draft.files, draft.doi) == ({}, None)
    assert draft.access["files"] == "restricted"
    assert draft.parent_id == owner.server.records[record].parent_id
    assert draft.concept_doi == owner.server.records[record].concept_doi
    shown = owner.get(f"/records/{draft.id}/draft").json()
    assert (shown["status"], shown["versions"]["index"]) == ("new_version_draft", 2)


def test_other_releases_leave_the_date_out(open_server: Open) -> None:
    owner = open_server(new_version_date="missing")
    draft = new_version(owner, owner.published())
    assert "publication_date" not in owner.server.drafts[draft].metadata


def test_an_unpublished_draft_blocks_the_next_version(owner: Caller) -> None:
    first = owner.published()
    second = new_version(owner, first)
    assert new_version(owner, first) == second
    owner.store(second)
    assert owner.publish(second).status_code == 202
    third = new_version(owner, first)
    assert third not in (first, second)
    assert new_version(owner, second) == third


def test_versions_are_made_from_published_records_only(owner: Caller) -> None:
    record = owner.published()
    parent = owner.server.records[record].parent_id
    assert owner.post(f"/records/{parent}/versions").status_code == 404
    assert owner.post(f"/records/{owner.draft()}/versions").status_code == 404


def test_the_latest_version_is_behind_a_redirect(owner: Caller) -> None:
    first = owner.published()
    parent = owner.server.records[first].parent_id
    second = new_version(owner, first)
    for known in (first, parent):
        response = owner.get(f"/records/{known}/versions/latest")
        assert response.status_code == 301
        assert response.headers["location"].endswith(f"/api/records/{first}")
    owner.store(second)
    owner.publish(second)
    response = owner.get(f"/records/{parent}/versions/latest")
    assert response.headers["location"].endswith(f"/api/records/{second}")
    assert owner.get(f"/records/{parent}").status_code == 301


def test_nothing_is_latest_before_something_is_published(owner: Caller) -> None:
    assert owner.get(f"/records/{owner.draft()}/versions/latest").status_code == 404
    assert owner.get("/records/nowhere/versions/latest").status_code == 404


def test_all_versions_are_listed(owner: Caller) -> None:
    first = owner.published()
    second = new_version(owner, first)
    owner.store(second)
    owner.publish(second)
    hits = owner.get(f"/records/{first}/versions").json()["hits"]["hits"]
    assert [hit["id"] for hit in hits] == [second, first]
    assert [hit["versions"]["is_latest"] for hit in hits] == [True, False]


def test_old_files_are_reused_if_there_are_none_yet(owner: Caller) -> None:
    record = owner.published()
    draft = new_version(owner, record)
    again = f"/records/{draft}/draft/actions/files-import"
    response = owner.post(again)
    assert response.status_code == 201
    assert [entry["status"] for entry in response.json()["entries"]] == ["completed"]
    assert owner.server.drafts[draft].files["data.zip"].content == b"12345"
    assert owner.post(again).status_code == 400


def test_a_first_version_has_no_old_files(owner: Caller) -> None:
    assert owner.post(f"/records/{owner.draft()}/draft/actions/files-import").status_code == 404


def test_a_deleted_version_draft_makes_room_for_another(owner: Caller) -> None:
    record = owner.published()
    draft = new_version(owner, record)
    owner.call("DELETE", f"/records/{draft}/draft")
    assert new_version(owner, record) != draft
