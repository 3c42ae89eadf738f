"""What a person did to a record is respected, and told."""

import logging

import pytest
from tests.servers.invenio import Answer, CutUpload, Fault, Meanwhile, Reset, Rewrite

from labferry.sdk import ConflictError, RefusedError, TransientError

from .storing import Storing, sample


def interrupt(storing: Storing) -> str:
    """Store all but the manifest, and say the draft's id."""
    storing.server.faults.add(Fault("upload", CutUpload(10), nth=2))
    with pytest.raises(Exception, match="broke off"):
        storing.store()
    return storing.record().id


def test_edited_draft_is_completed_and_keeps_the_edit(
    storing: Storing, caplog: pytest.LogCaptureFixture
) -> None:
    draft = interrupt(storing)
    storing.server.edit(draft).set_metadata(title="My own title")
    storing.store()
    storing.assert_whole(sample())
    assert storing.record().metadata["title"] == "My own title"
    assert "was edited by somebody" in caplog.text


def test_configured_metadata_that_changed_is_written_to_a_draft_that_nobody_edited(
    storing: Storing,
) -> None:
    interrupt(storing)
    storing.changes["metadata"] = {"creators": [{"organization": "Lab"}], "title": "New title"}
    storing.store()
    assert storing.record().metadata["title"] == "New title"
    storing.assert_whole(sample())


def test_changed_metadata_that_is_not_accepted_costs_no_upload(storing: Storing) -> None:
    interrupt(storing)
    storing.changes["metadata"] = {"creators": [{"organization": "Lab"}], "title": "New title"}
    wrong = [{"field": "metadata.title", "messages": ["Dull."]}]
    fault = Rewrite(lambda document: document.update(errors=wrong))
    storing.server.faults.add(Fault("update-draft", fault, times=2))
    for _ in range(2):
        with pytest.raises(ConflictError, match="Dull"):
            storing.store()
    storing.store()
    storing.assert_whole(sample())
    assert storing.asked("upload") == 3


def test_lost_answer_to_changed_metadata_is_no_persons_edit(publishing: Storing) -> None:
    interrupt(publishing)
    publishing.changes["metadata"] = {"creators": [{"organization": "Lab"}], "title": "New title"}
    publishing.server.faults.add(Fault("update-draft", Reset(after_effect=True)))
    with pytest.raises(TransientError):
        publishing.store()
    publishing.store()
    assert publishing.record().published
    assert publishing.record().metadata["title"] == "New title"


def test_bad_token_does_not_look_like_a_deleted_draft(storing: Storing) -> None:
    interrupt(storing)
    storing.changes["token"] = "expired"
    gone = Answer(404, b"{}", "application/json")
    storing.server.faults.add(Fault("read-draft", gone))
    storing.server.faults.add(Fault("record", gone))
    with pytest.raises(RefusedError):
        storing.store()
    del storing.changes["token"]
    storing.store()
    storing.assert_whole(sample())


def test_draft_that_was_made_public_gets_no_byte(storing: Storing) -> None:
    draft = interrupt(storing)
    storing.server.edit(draft).set_access(files="public")
    uploads = storing.asked("upload")
    with pytest.raises(ConflictError, match="other access"):
        storing.store()
    assert storing.asked("upload") == uploads


def test_edited_draft_is_not_published(publishing: Storing) -> None:
    draft = interrupt(publishing)
    publishing.server.edit(draft).set_metadata(title="Half of a tit")
    with pytest.raises(ConflictError, match="not published"):
        publishing.store()
    assert publishing.asked("publish") == 0
    publishing.server.edit(draft).publish()
    publishing.store()
    assert publishing.record().metadata["title"] == "Half of a tit"


def test_draft_that_is_edited_at_the_last_moment_is_not_published(publishing: Storing) -> None:
    def edit() -> None:
        publishing.server.edit(publishing.record().id).set_access(files="public")

    # The manifest's commit is the last step before the draft is read once more.
    publishing.server.faults.add(Fault("commit", Meanwhile(edit, after=True), nth=2))
    with pytest.raises(ConflictError, match="other access"):
        publishing.store()
    assert publishing.server.records == {}


def test_files_that_somebody_added_are_not_published(publishing: Storing) -> None:
    draft = interrupt(publishing)
    publishing.server.edit(draft).put_file("README.txt", b"mine")
    with pytest.raises(ConflictError, match=r"README\.txt"):
        publishing.store()
    assert publishing.asked("publish") == 0


def test_files_that_somebody_added_to_a_draft_stay(storing: Storing) -> None:
    draft = interrupt(storing)
    storing.server.edit(draft).put_file("README.txt", b"mine")
    storing.store()
    assert "README.txt" in storing.record().files
    (stored,) = storing.listed()
    with storing.sink() as sink, pytest.raises(RefusedError, match=r"README\.txt"):
        sink.delete(stored)
    assert "README.txt" in storing.record().files


def test_published_by_somebody_counts_as_stored(
    storing: Storing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    storing.store()
    storing.server.edit(storing.record().id).publish()
    receipt = storing.store()
    assert receipt.url == f"{storing.server.url}/records/{storing.record().id}"
    assert "was published by somebody" in caplog.text
    assert [each.key for each in storing.listed()] == [sample().key]


def test_published_by_somebody_before_it_was_complete_is_a_conflict(storing: Storing) -> None:
    draft = interrupt(storing)
    storing.server.edit(draft).publish()
    with pytest.raises(ConflictError, match="does not hold"):
        storing.store()


def test_published_record_that_is_being_edited_is_read_as_published(publishing: Storing) -> None:
    publishing.store()
    record = publishing.record().id
    publishing.server.edit(record).begin_edit()
    publishing.server.edit(record).set_metadata(title="Correction")
    receipt = publishing.store()
    assert receipt.url == f"{publishing.server.url}/records/{record}"
    (stored,) = publishing.listed()
    assert publishing.fetch(stored) == sample().content.read(0, 3000)
    with publishing.sink() as sink, pytest.raises(RefusedError):
        sink.delete(stored)


def test_deleted_draft_is_told_once_and_then_made_anew(storing: Storing) -> None:
    draft = interrupt(storing)
    storing.server.edit(draft).delete_draft()
    with pytest.raises(ConflictError, match="was deleted by somebody else"):
        storing.store()
    assert storing.account.names() == {}
    storing.store()
    storing.assert_whole(sample())


def test_deleted_published_record_is_told(publishing: Storing) -> None:
    publishing.store()
    publishing.server.edit(publishing.record().id).delete_record()
    with pytest.raises(ConflictError, match="was deleted"):
        publishing.store()


def test_draft_without_its_identifier_is_not_labferrys_any_more(storing: Storing) -> None:
    draft = interrupt(storing)
    storing.server.edit(draft).set_metadata(identifiers=None)
    with pytest.raises(ConflictError, match="no longer bears the identifier"):
        storing.store()


def test_wrong_file_in_a_draft_of_unknown_origin_is_left_alone(storing: Storing) -> None:
    draft = interrupt(storing)
    name = sample().key.rpartition("/")[2]
    storing.server.edit(draft).put_file(name, b"replaced")
    storing.forget()
    with pytest.raises(ConflictError, match="not known here"):
        storing.store()
    assert storing.record().files[name].content == b"replaced"


def test_unfinished_file_in_a_draft_of_unknown_origin_is_left_alone(storing: Storing) -> None:
    storing.server.options.interrupted_entry = "pending"
    storing.server.options.interrupted_put = 400
    storing.server.faults.add(Fault("upload", CutUpload(10)))
    with pytest.raises(Exception, match="broke off"):
        storing.store()
    storing.forget()
    with pytest.raises(ConflictError, match="unfinished"):
        storing.store()


def test_draft_of_unknown_origin_with_equal_files_is_adopted(storing: Storing) -> None:
    interrupt(storing)
    storing.forget()
    storing.store()
    storing.assert_whole(sample())
    assert storing.asked("upload") == 3  # the archive once, the manifest twice


def test_draft_of_unknown_origin_is_published_if_it_says_what_it_shall(
    publishing: Storing,
) -> None:
    interrupt(publishing)
    publishing.forget()
    publishing.store()
    assert len(publishing.server.records) == 1


def test_draft_of_unknown_origin_is_not_published_if_it_says_something_else(
    publishing: Storing,
) -> None:
    draft = interrupt(publishing)
    publishing.server.edit(draft).set_metadata(title="Something else")
    publishing.forget()
    with pytest.raises(ConflictError, match="not published"):
        publishing.store()
