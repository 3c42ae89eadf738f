"""Publishing, DOIs, and that it cannot be taken back."""

from typing import Any

import pytest
from tests.servers.invenio import CutUpload, Fault, Reset, html_answer

from .conftest import Caller, Open, metadata


def test_publishing_makes_a_record_with_its_dois(zenodo: Caller) -> None:
    draft = zenodo.draft()
    zenodo.store(draft)
    response = zenodo.publish(draft)
    assert response.status_code == 202
    shown = response.json()
    assert shown["is_published"] is True
    assert shown["is_draft"] is False
    assert shown["pids"]["doi"]["identifier"] == f"10.5072/zenodo.{draft}"
    concept = shown["parent"]["pids"]["doi"]["identifier"]
    assert concept == f"10.5072/zenodo.{shown['parent']['id']}"
    record = zenodo.server.records[draft]
    assert (record.doi, record.concept_doi) == (f"10.5072/zenodo.{draft}", concept)
    assert zenodo.server.drafts == {}


def test_a_reserved_doi_stays(owner: Caller) -> None:
    draft = owner.draft()
    doi = owner.post(f"/records/{draft}/draft/pids/doi").json()["pids"]["doi"]["identifier"]
    owner.store(draft)
    assert owner.publish(draft).json()["pids"]["doi"]["identifier"] == doi


@pytest.mark.parametrize(
    "field", ["title", "creators", "resource_type", "publication_date", "publisher"]
)
def test_what_is_required_is_required_to_publish(owner: Caller, field: str) -> None:
    given = metadata()
    del given[field]
    draft = owner.draft(metadata=given)
    owner.store(draft)
    response = owner.publish(draft)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [f"metadata.{field}"]


def test_without_dois_no_publisher_is_required(open_server: Open) -> None:
    owner = open_server(mints_dois=False)
    given = metadata()
    del given["publisher"]
    published = owner.published(metadata=given)
    record = owner.server.records[published]
    assert (record.doi, record.concept_doi) == (None, None)


def test_pending_files_and_no_files_prevent_publishing(owner: Caller) -> None:
    draft = owner.draft()
    assert owner.publish(draft).status_code == 400
    owner.register(draft, "a")
    refused = owner.publish(draft)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "files"


def test_trap_2_publishing_again_is_404_and_the_record_tells_that_it_worked(
    owner: Caller,
) -> None:
    record = owner.published()
    assert owner.publish(record).status_code == 404
    assert owner.get(f"/records/{record}/draft").status_code == 404
    assert owner.get(f"/records/{record}").status_code == 200


def test_trap_3_a_gateway_gives_up_although_publishing_succeeded(owner: Caller) -> None:
    draft = owner.draft()
    owner.store(draft)
    owner.server.faults.add(Fault("publish", html_answer(504, after_effect=True)))
    response = owner.publish(draft)
    assert response.status_code == 504
    assert response.headers["content-type"].startswith("text/html")
    assert owner.get(f"/records/{draft}").status_code == 200


def test_trap_2_a_retry_after_a_lost_answer_makes_a_second_draft(owner: Caller) -> None:
    owner.server.faults.add(Fault("create", Reset(after_effect=True)))
    with pytest.raises(Exception, match=r"disconnected|reset"):
        owner.draft()
    owner.draft()
    assert len(owner.server.drafts) == 2
    assert [request.status for request in owner.server.requests] == [0, 201]


def test_restricted_records_get_no_doi(owner: Caller) -> None:
    restricted = {"record": "restricted", "files": "restricted"}
    published = owner.published(access=restricted)
    record = owner.server.records[published]
    assert (record.doi, record.concept_doi) == (None, None)


def test_restricted_files_do_not_prevent_a_doi(zenodo: Caller) -> None:
    access = {"record": "public", "files": "restricted"}
    record = zenodo.published(access=access)
    assert zenodo.server.records[record].doi


def test_what_is_published_cannot_be_deleted(owner: Caller) -> None:
    record = owner.published()
    assert owner.call("DELETE", f"/records/{record}").status_code == 403
    assert owner.call("DELETE", f"/records/{record}/draft").status_code == 404
    assert record in owner.server.records


def test_published_metadata_can_be_edited_and_published_again(owner: Caller) -> None:
    record = owner.published()
    assert owner.post(f"/records/{record}/draft").json()["is_published"] is True
    changed: dict[str, Any] = {"metadata": metadata(title="Another title")}
    owner.call("PUT", f"/records/{record}/draft", json=changed)
    assert owner.server.records[record].metadata["title"] == "Backup of a notebook"
    assert owner.publish(record).status_code == 202
    assert owner.server.records[record].metadata["title"] == "Another title"


def test_editing_may_be_given_up(owner: Caller) -> None:
    record = owner.published()
    owner.post(f"/records/{record}/draft")
    assert owner.call("DELETE", f"/records/{record}/draft").status_code == 204
    assert owner.get(f"/records/{record}").status_code == 200
    assert owner.post("/records/nowhere/draft").status_code == 404


def test_an_upload_that_broke_off_does_not_get_published(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    owner.server.faults.add(Fault("upload", CutUpload(1, answered=True)))
    owner.send(draft, "a", b"12345")
    assert owner.publish(draft).status_code == 400
