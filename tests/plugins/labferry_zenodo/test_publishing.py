"""Publishing happens when it is configured, once, and only what was read again."""

import pytest
from tests.servers.invenio import (
    Answer,
    Fault,
    InvenioOptions,
    Meanwhile,
    Reset,
    Rewrite,
    html_answer,
)

from labferry.sdk import (
    AnswerLostError,
    ConflictError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    RefusedError,
    TransientError,
)

from .conftest import StartServer
from .storing import Storing, sample


def test_nothing_is_published_unless_configured(storing: Storing) -> None:
    receipt = storing.store()
    storing.store()
    assert storing.asked("publish") == 0
    assert receipt.url == f"{storing.server.url}/uploads/{storing.record().id}"


def test_published_record_has_all_that_was_asked_for(publishing: Storing) -> None:
    receipt = publishing.store()
    record = publishing.record()
    assert record.published
    assert receipt.url == f"{publishing.server.url}/records/{record.id}"
    assert record.metadata["title"] == "Notebooks of sample, 2026-01-02"
    assert record.metadata["publication_date"] == "2026-01-02"
    assert record.metadata["publisher"] == "127.0.0.1"
    assert record.access["files"] == "restricted"
    publishing.assert_whole(sample())


def test_everything_is_read_again_before_it_is_published(publishing: Storing) -> None:
    publishing.store()
    kinds = [each.kind for each in publishing.server.requests]
    before = kinds[: kinds.index("publish")]
    last_change = max(n for n, kind in enumerate(before) if kind in {"commit", "update-draft"})
    assert {"read-draft", "list-draft-files"} <= set(before[last_change + 1 :])


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(html_answer(504, after_effect=True), id="504 though published"),
        pytest.param(Reset(after_effect=True), id="reset though published"),
        pytest.param(Answer(500, after_effect=True), id="500 though published"),
        pytest.param(Answer(404, after_effect=True), id="404 though published"),
        pytest.param(html_answer(200, after_effect=True), id="a page though published"),
    ],
)
def test_trap_2_unclear_answer_is_resolved_by_reading_the_record(
    publishing: Storing, fault: Answer | Reset
) -> None:
    publishing.server.faults.add(Fault("publish", fault))
    receipt = publishing.store()
    assert receipt.url == f"{publishing.server.url}/records/{publishing.record().id}"
    assert publishing.asked("publish") == 1


def test_trap_3_publish_is_not_repeated_while_its_outcome_is_unknown(
    publishing: Storing, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing.server.faults.add(Fault("publish", html_answer(504)))
    with pytest.raises(AnswerLostError):
        publishing.store()
    for _ in range(4):
        with pytest.raises(TransientError, match="not known yet") as caught:
            publishing.store()
        assert caught.value.retry_after is not None
    assert publishing.asked("publish") == 1
    monkeypatch.setattr("labferry_zenodo.publishing._UNCLEAR_SECONDS", 0.0)
    publishing.store()
    assert publishing.asked("publish") == 2
    publishing.assert_whole(sample())


def test_outcome_that_shows_later_is_found_by_the_next_attempt(publishing: Storing) -> None:
    publishing.server.faults.add(Fault("publish", Reset()))
    with pytest.raises(AnswerLostError):
        publishing.store()
    publishing.server.edit(publishing.record().id).publish()
    publishing.store()
    assert publishing.asked("publish") == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(400, InvalidAnswerError), (403, RefusedError), (429, TransientError)]
)
def test_clear_refusal_is_told_and_may_be_tried_again(
    publishing: Storing, status: int, kind: type[LabferryError]
) -> None:
    refusal = Answer(status, b'{"message": "No."}', "application/json")
    publishing.server.faults.add(Fault("publish", refusal))
    with pytest.raises(kind, match=r"No\."):
        publishing.store()
    assert publishing.server.records == {}
    publishing.store()
    publishing.assert_whole(sample())


def test_changed_file_is_not_published(publishing: Storing) -> None:
    def change() -> None:
        record = publishing.record()
        publishing.server.edit(record.id).put_file(sample().key.rpartition("/")[2], b"changed")

    publishing.server.faults.add(Fault("commit", Meanwhile(change, after=True), nth=2))
    with pytest.raises(ConflictError, match="does not hold"):
        publishing.store()
    assert publishing.asked("publish") == 0


def test_access_that_is_lost_by_publishing_is_an_alarm(publishing: Storing) -> None:
    public = Rewrite(lambda document: document["access"].update(files="public"))
    publishing.server.faults.add(Fault("record", public))
    with pytest.raises(IntegrityError, match="other access"):
        publishing.store()


def test_missing_publisher_is_filled_in_on_zenodo(start_server: StartServer) -> None:
    publishing = Storing(start_server(InvenioOptions(zenodo=True)), publish=True)
    publishing.store()
    assert publishing.record().doi == f"10.5072/zenodo.{publishing.record().id}"


def test_traits_say_that_published_records_stay(publishing: Storing, storing: Storing) -> None:
    with publishing.sink() as sink:
        assert not sink.traits.can_delete
        assert sink.traits.needs_md5
    with storing.sink() as sink:
        assert sink.traits.can_delete
    publishing.store()
    (stored,) = publishing.listed()
    with storing.sink() as sink:
        assert "nobody delete" in sink.hold(stored)
        with pytest.raises(RefusedError, match="nobody delete"):
            sink.delete(stored)
    publishing.assert_whole(sample())
