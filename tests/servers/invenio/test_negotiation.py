"""What may be asked for and sent: Accept and Content-Type."""

import pytest

from .conftest import ACCEPT, Caller, metadata

RECORD = "application/vnd.inveniordm.v1+json"


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/*"])
def test_zenodo_shows_legacy_records_to_who_takes_plain_json(zenodo: Caller, accept: str) -> None:
    record = zenodo.published()
    shown = zenodo.get(f"/records/{record}", headers={"Accept": accept}).json()
    assert shown["id"] == int(record)
    assert shown["conceptrecid"] == zenodo.server.records[record].parent_id
    assert shown["submitted"] is True
    assert shown["files"][0]["checksum"].startswith("md5:")


def test_zenodo_shows_records_of_invenio_to_who_prefers_them(zenodo: Caller) -> None:
    response = zenodo.get(f"/records/{zenodo.published()}")
    assert response.headers["content-type"] == RECORD
    assert isinstance(response.json()["id"], str)


def test_zenodo_s_legacy_shape_is_in_searches_and_drafts_too(zenodo: Caller) -> None:
    draft = int(zenodo.draft())
    plain = {"Accept": "application/json"}
    assert zenodo.get("/user/records", headers=plain).json()["hits"]["hits"][0]["id"] == draft
    shown = zenodo.get(f"/records/{draft}/draft", headers=plain).json()
    assert (shown["id"], shown["state"]) == (draft, "unsubmitted")


def test_an_institution_s_server_has_one_shape_only(owner: Caller) -> None:
    record = owner.published()
    plain = owner.get(f"/records/{record}", headers={"Accept": "application/json"})
    assert plain.headers["content-type"] == "application/json"
    assert plain.json() == owner.get(f"/records/{record}").json()


def test_lists_of_published_files_are_plain_json_only(owner: Caller) -> None:
    path = f"/records/{owner.published()}/files"
    assert owner.get(path, headers={"Accept": RECORD}).status_code == 406
    assert owner.get(path, headers={"Accept": ACCEPT}).status_code == 200
    refused = owner.get(f"{path}/data.zip", headers={"Accept": f"{RECORD}, application/json;q=0"})
    assert refused.status_code == 406
    assert "application/json" in refused.json()["message"]


def test_bytes_come_whatever_is_accepted(owner: Caller) -> None:
    path = f"/records/{owner.published()}/files/data.zip/content"
    assert owner.get(path, headers={"Accept": "image/png"}).content == b"12345"


def test_json_with_a_charset_is_unsupported(owner: Caller) -> None:
    typed = {"Content-Type": "application/json; charset=utf-8"}
    response = owner.post("/records", content=b"{}", headers=typed)
    assert response.status_code == 415
    assert not owner.server.drafts


def test_bytes_are_an_octet_stream(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    path = f"/records/{draft}/draft/files/a/content"
    wrong = owner.call("PUT", path, content=b"x", headers={"Content-Type": "application/zip"})
    assert wrong.status_code == 415
    assert owner.call("PUT", path, content=b"x").status_code == 415


def test_what_is_no_json_is_refused(owner: Caller) -> None:
    typed = {"Content-Type": "application/json"}
    assert owner.post("/records", content=b"{", headers=typed).status_code == 400


def test_unknown_addresses_answer_html(owner: Caller) -> None:
    response = owner.get("/deposit/depositions")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


def test_vocabularies_come_back_with_their_titles(owner: Caller) -> None:
    given = metadata(rights=[{"id": "cc-by-4.0"}])
    shown = owner.get(f"/records/{owner.draft(metadata=given)}/draft").json()["metadata"]
    assert shown["resource_type"] == {"id": "dataset", "title": {"en": "Dataset"}}
    assert shown["rights"][0]["title"]["en"].startswith("Creative Commons")
    assert shown["creators"][0]["person_or_org"]["name"] == "Curie, Marie"
