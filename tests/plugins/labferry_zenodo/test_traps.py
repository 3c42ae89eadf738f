"""The traps that InvenioRDM sets to its clients, one after the other."""

import pytest
from tests.servers.invenio import (
    CutUpload,
    Fault,
    FlipUpload,
    InvenioOptions,
    Meanwhile,
    On,
    Reset,
    Rewrite,
    ShortUpload,
    html_answer,
)

from labferry.sdk import (
    ConflictError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    RefusedError,
    TransientError,
)

from .conftest import StartServer
from .storing import Storing, sample


def test_trap_1_success_with_errors_is_no_upload(storing: Storing) -> None:
    storing.server.faults.add(Fault("upload", CutUpload(100, answered=True)))
    with pytest.raises(TransientError, match="although with success"):
        storing.store()
    storing.store()
    storing.assert_whole(sample())


def test_trap_1_older_servers_refuse_what_broke_off_on_the_way(storing: Storing) -> None:
    storing.server.options.interrupted_put = 400
    storing.server.faults.add(Fault("upload", CutUpload(100, answered=True)))
    with pytest.raises(TransientError, match="broke off"):
        storing.store()
    storing.store()
    storing.assert_whole(sample())


@pytest.mark.parametrize("fault", [FlipUpload(7), ShortUpload(2999)])
def test_trap_1_size_and_md5_are_compared_after_the_commit(
    storing: Storing, fault: FlipUpload | ShortUpload
) -> None:
    storing.server.faults.add(Fault("upload", fault))
    with pytest.raises(IntegrityError, match="deleted again"):
        storing.store()
    assert not storing.listed()
    storing.store()
    storing.assert_whole(sample())


def test_trap_1_success_with_errors_is_no_metadata(storing: Storing) -> None:
    wrong = [{"field": "metadata.funding", "messages": ["Unknown award."]}]
    fault = Rewrite(lambda document: document.update(errors=wrong))
    storing.server.faults.add(Fault("create", fault))
    with pytest.raises(ConflictError, match=r"metadata\.funding: Unknown award"):
        storing.store()
    assert storing.account.names() == {}


def test_trap_2_lost_create_answer_makes_no_second_draft(storing: Storing) -> None:
    storing.server.faults.add(Fault("create", Reset(after_effect=True)))
    with pytest.raises(TransientError):
        storing.store()
    storing.store()
    storing.assert_whole(sample())
    assert storing.asked("create") == 1


def test_trap_2_proxys_answer_to_create_makes_no_second_draft(storing: Storing) -> None:
    storing.server.faults.add(Fault("create", html_answer(504, after_effect=True)))
    with pytest.raises(TransientError):
        storing.store()
    storing.store()
    storing.assert_whole(sample())
    assert storing.asked("create") == 1


def test_trap_2_draft_of_a_lost_answer_is_waited_for_in_the_index(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labferry_zenodo.drafting._SEARCH_AFTER", (0.0, 0.3))
    storing = Storing(start_server(InvenioOptions(index_delay=0.2)))
    storing.server.faults.add(Fault("create", Reset(after_effect=True)))
    with pytest.raises(TransientError):
        storing.store()
    storing.store()
    storing.assert_whole(sample())


def test_trap_3_nothing_is_sent_to_a_completed_file(storing: Storing) -> None:
    storing.store()
    storing.server.edit(storing.record().id).put_file(sample().key.rpartition("/")[2], b"other")
    storing.store()
    storing.assert_whole(sample())
    after = [each.kind for each in storing.server.requests]
    last = len(after) - 1 - after[::-1].index("upload")
    assert after[last - 2 : last] == ["delete-file", "register"]


def test_trap_3_file_of_the_same_size_with_other_bytes_is_replaced(storing: Storing) -> None:
    storing.store()
    name = sample().key.rpartition("/")[2]
    storing.server.edit(storing.record().id).put_file(name, bytes(sample().size))
    storing.store()
    storing.assert_whole(sample())


@pytest.mark.parametrize("entry", ["removed", "pending"])
def test_trap_4_aborted_upload_leaves_a_file_missing_or_pending(
    start_server: StartServer, entry: str
) -> None:
    options = InvenioOptions(interrupted_put=400)
    options.interrupted_entry = "pending" if entry == "pending" else "removed"
    storing = Storing(start_server(options))
    storing.server.faults.add(Fault("upload", CutUpload(100)))
    with pytest.raises(TransientError):
        storing.store()
    assert len(storing.record().files) == (entry == "pending")
    storing.store()
    storing.assert_whole(sample())


def test_trap_4_file_may_vanish_between_upload_and_commit(storing: Storing) -> None:
    name = sample().key.rpartition("/")[2]

    def vanish() -> None:
        storing.server.edit(storing.record().id).remove_file(name)

    storing.server.faults.add(Fault("upload", Meanwhile(vanish, after=True)))
    with pytest.raises(TransientError, match="forgot"):
        storing.store()
    storing.store()
    storing.assert_whole(sample())


def test_trap_5_bodies_have_a_length(storing: Storing) -> None:
    storing.store()
    uploads = [each for each in storing.server.requests if each.kind == "upload"]
    assert uploads[0].headers["content-length"] == "3000"
    assert not any("transfer-encoding" in each.headers for each in uploads)


@pytest.mark.parametrize("key", ["..", "a/../b.zip", "", "a//b.zip", f"a/{'n' * 250}.zip"])
def test_trap_6_impossible_names_are_refused_before_anything_is_asked(
    storing: Storing, key: str
) -> None:
    with pytest.raises(InvalidAnswerError):
        storing.store(sample(key=key))
    assert storing.server.requests == []


def test_trap_8_unknown_word_of_a_vocabulary_is_named(storing: Storing) -> None:
    storing.changes["metadata"] = {
        "creators": [{"organization": "Lab"}],
        "resource_type": "elephant",
    }
    with pytest.raises(InvalidAnswerError, match=r"metadata\.resource_type.*elephant"):
        storing.store()
    assert storing.account.names() == {}


def test_trap_9_expiry_of_drafts_means_nothing(storing: Storing) -> None:
    old = Rewrite(lambda document: document.update(expires_at="2020-01-01T00:00:00+00:00"))
    storing.server.faults.add(Fault("read-draft", old, times=None))
    storing.store()
    assert storing.store().url == f"{storing.server.url}/uploads/{storing.record().id}"


def test_invalid_access_is_noticed_before_a_byte_is_sent(storing: Storing) -> None:
    public = Rewrite(lambda document: document["access"].update(files="public"))
    storing.server.faults.add(Fault("read-draft", public))
    with pytest.raises(RefusedError, match="access"):
        storing.store()
    assert storing.account.names() == {}
    assert storing.asked("upload") == 0


def test_metadata_is_compared_with_what_was_read_not_with_the_answer_to_a_write(
    publishing: Storing,
) -> None:
    terse = Rewrite(lambda document: document["metadata"].update(resource_type={"id": "dataset"}))
    publishing.server.faults.add(Fault("create", terse))
    publishing.store()
    assert len(publishing.server.records) == 1


LOST: tuple[On, ...] = ("create", "register", "upload", "commit", "draft-file", "list-draft-files")


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("after_effect", [False, True])
def test_lost_answers_of_any_kind_are_made_up_for(
    storing: Storing, kind: On, *, after_effect: bool
) -> None:
    storing.server.faults.add(Fault(kind, Reset(after_effect=after_effect)))
    with pytest.raises(TransientError):
        storing.store()
    storing.store()
    storing.assert_whole(sample())


def test_refused_restricted_record_is_told_in_the_servers_words(start_server: StartServer) -> None:
    storing = Storing(
        start_server(InvenioOptions(zenodo=True)),
        access={"record": "restricted", "files": "restricted"},
    )
    with pytest.raises(InvalidAnswerError, match="Restricted records are disabled"):
        storing.store()


def test_access_is_restricted_unless_configured_otherwise(storing: Storing) -> None:
    storing.store()
    access = storing.record().access
    assert (access["record"], access["files"]) == ("public", "restricted")


def test_restricted_records_are_possible_elsewhere(storing: Storing) -> None:
    storing.changes |= {"access": {"record": "restricted", "files": "restricted"}, "publish": True}
    receipt = storing.store()
    assert storing.record().doi is None
    assert receipt.url == f"{storing.server.url}/records/{storing.record().id}"


def test_hit_of_a_search_for_any_word_is_not_taken_for_the_archive(storing: Storing) -> None:
    other = sample("2")
    storing.store(other)
    with storing.sink() as sink:
        hits = sink._account.client.get("/api/user/records").json["hits"]["hits"]
    # As a server answers that can't read the query.
    anything = Rewrite(lambda document: document["hits"].update(hits=hits))
    storing.server.faults.add(Fault("mine", anything))
    storing.store(sample("1"))
    storing.assert_whole(other, sample("1"))


def test_legacy_shape_is_never_asked_for(start_server: StartServer) -> None:
    storing = Storing(start_server(InvenioOptions(zenodo=True)), publish=True)
    storing.store()
    (stored,) = storing.listed()
    assert storing.fetch(stored) == sample().content.read(0, 3000)


def test_errors_are_labferrys(storing: Storing) -> None:
    kinds: tuple[On, ...] = ("create", "register", "upload", "commit", "draft-file", "mine")
    for number, kind in enumerate(kinds):
        storing.server.faults.add(Fault(kind, html_answer(200)))
        with pytest.raises(LabferryError):
            storing.store(sample(str(number)))
