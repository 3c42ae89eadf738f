"""What people do in the web interface behind a client's back."""

import pytest
from tests.servers.invenio import Problem

from .conftest import Caller


def test_a_person_edits_a_draft(owner: Caller) -> None:
    draft = owner.draft()
    before = owner.get(f"/records/{draft}/draft").json()["revision_id"]
    owner.server.edit(draft).set_metadata(title="By hand", identifiers=None)
    owner.server.edit(draft).set_access(files="restricted")
    shown = owner.get(f"/records/{draft}/draft").json()
    assert shown["metadata"]["title"] == "By hand"
    assert "identifiers" not in shown["metadata"]
    assert shown["access"]["files"] == "restricted"
    assert shown["revision_id"] > before


def test_a_person_publishes_a_draft_if_it_is_complete(owner: Caller) -> None:
    draft = owner.draft()
    person = owner.server.edit(draft)
    with pytest.raises(Problem):
        person.publish()
    person.put_file("by-hand.txt", b"hello")
    person.publish()
    assert owner.get(f"/records/{draft}/draft").status_code == 404
    assert owner.get(f"/records/{draft}/files/by-hand.txt/content").content == b"hello"


def test_a_person_deletes_a_draft(owner: Caller) -> None:
    draft = owner.draft()
    owner.server.edit(draft).delete_draft()
    assert owner.get(f"/records/{draft}/draft").status_code == 404
    assert owner.find() == []


def test_a_person_removes_a_file(owner: Caller) -> None:
    draft = owner.draft()
    owner.store(draft)
    owner.server.edit(draft).remove_file("data.zip")
    assert owner.files(draft) == {}


def test_a_person_begins_to_edit_what_is_published(owner: Caller) -> None:
    record = owner.published()
    owner.server.edit(record).begin_edit()
    shown = owner.get(f"/records/{record}/draft").json()
    assert (shown["is_published"], shown["is_draft"]) == (True, True)
    assert owner.server.drafts[record].published
    owner.server.edit(record).delete_draft()
    assert record in owner.server.records


def test_a_person_begins_another_version(owner: Caller) -> None:
    record = owner.published()
    version = owner.server.edit(record).new_version()
    assert owner.post(f"/records/{record}/versions").json()["id"] == version


def test_a_person_deletes_what_is_published_and_a_tombstone_stays(owner: Caller) -> None:
    record = owner.published()
    owner.server.edit(record).delete_record()
    assert owner.get(f"/records/{record}").status_code == 410
    assert owner.get(f"/records/{record}/versions/latest").status_code == 404
    assert owner.post(f"/records/{record}/versions").status_code == 404
    assert owner.find() == []
    assert owner.server.records == {}


def test_a_person_changes_files_that_are_published(owner: Caller) -> None:
    record = owner.published()
    owner.server.edit(record).put_file("data.zip", b"other")
    assert owner.get(f"/records/{record}/files/data.zip/content").content == b"other"
