"""Series: every archive of a source becomes a version of one record."""

import pytest
from tests.servers.invenio import CutUpload, Fault, InvenioOptions, On, Reset, Rewrite

from labferry.sdk import ConflictError, TransientError
from labferry.testing.samples.documents import MemoryCheckpoint, SampleManifest

from .conftest import StartServer
from .storing import Storing, sample


def test_each_archive_is_a_version_under_one_concept_doi(series: Storing) -> None:
    archives = [sample(job) for job in "123"]
    for archive in archives:
        series.store(archive)
    records = [series.record(archive) for archive in archives]
    assert [record.index for record in records] == [1, 2, 3]
    assert len({record.concept_doi for record in records}) == 1
    assert len({record.doi for record in records}) == 3
    series.assert_whole(*archives)
    assert {each.key for each in series.listed()} == {each.key for each in archives}
    for stored in series.listed():
        assert len(series.fetch(stored)) == stored.size


def test_version_does_not_inherit_the_identifier_of_the_one_before(series: Storing) -> None:
    series.store(sample("1"))
    series.store(sample("2"))
    marks = [series.record(sample(job)).identifiers for job in "12"]
    assert marks[0] != marks[1]
    assert [len(each) for each in marks] == [1, 1]
    assert series.record(sample("2")).metadata["version"] == sample("2").id


def test_sources_have_series_of_their_own(series: Storing) -> None:
    one, other = sample("1"), sample("2", key="other/2026/20260102T030405Z-other-2.zip")
    series.store(one)
    series.store(other)
    assert series.record(one).parent_id != series.record(other).parent_id


def test_series_goes_on_after_its_state_is_lost(series: Storing) -> None:
    series.store(sample("1"))
    series.forget()
    series.store(sample("1"))
    series.store(sample("2"))
    series.assert_whole(sample("1"), sample("2"))
    assert series.record(sample("2")).index == 2


def test_one_sink_needs_no_index_to_go_on(start_server: StartServer) -> None:
    series = Storing(start_server(InvenioOptions(index_delay=3600)), publish=True, series=True)
    archives = [sample(job) for job in "12"]
    with series.sink() as sink:
        for archive in archives:
            sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    assert series.record(archives[1]).index == 2


def test_index_that_is_behind_begins_no_second_series(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labferry_zenodo.series._INDEX_DELAY", 0.4)
    series = Storing(start_server(InvenioOptions(index_delay=0.3)), publish=True, series=True)
    series.store(sample("1"))
    series.store(sample("2"))
    assert series.record(sample("2")).index == 2


def test_lost_answer_to_a_new_version_makes_no_second_one(series: Storing) -> None:
    series.store(sample("1"))
    series.server.faults.add(Fault("new-version", Reset(after_effect=True)))
    with pytest.raises(TransientError):
        series.store(sample("2"))
    series.store(sample("2"))
    series.assert_whole(sample("1"), sample("2"))
    assert series.record(sample("2")).index == 2


def test_persons_new_version_is_not_taken_over(series: Storing) -> None:
    series.store(sample("1"))
    draft = series.server.edit(series.record(sample("1")).id).new_version()
    series.server.edit(draft).set_metadata(title="Mine")
    with pytest.raises(ConflictError, match="only one at a time"):
        series.store(sample("2"))
    assert series.server.drafts[draft].metadata["title"] == "Mine"


def test_persons_new_version_with_files_is_not_taken_over(series: Storing) -> None:
    series.store(sample("1"))
    draft = series.server.edit(series.record(sample("1")).id).new_version()
    series.server.edit(draft).put_file("mine.txt", b"mine")
    with pytest.raises(ConflictError, match="only one at a time"):
        series.store(sample("2"))


def test_unfinished_version_blocks_the_next_one_until_it_is_completed(series: Storing) -> None:
    series.store(sample("1"))
    series.server.faults.add(Fault("upload", CutUpload(10)))
    with pytest.raises(TransientError):
        series.store(sample("2"))
    with pytest.raises(ConflictError, match="only one at a time"):
        series.store(sample("3"))
    for job in "23":
        series.store(sample(job))
    series.assert_whole(*(sample(job) for job in "123"))


def test_unfinished_first_version_blocks_the_next_one(series: Storing) -> None:
    series.server.faults.add(Fault("upload", CutUpload(10)))
    with pytest.raises(TransientError):
        series.store(sample("1"))
    with pytest.raises(ConflictError, match="not published yet"):
        series.store(sample("2"))
    assert len(series.account.all()) == 1


def test_doi_that_was_reserved_by_hand_is_kept(series: Storing) -> None:
    series.server.options.omitted_pids = "lost"
    series.store(sample("1"))
    draft = series.server.edit(series.record(sample("1")).id).new_version()
    with series.sink() as sink:
        sink._account.client.send("POST", f"/api/records/{draft}/draft/pids/doi")
    doi = series.server.drafts[draft].doi
    series.store(sample("2"))
    assert doi is not None
    assert series.record(sample("2")).doi == doi


def test_new_version_without_a_date_gets_the_archives(start_server: StartServer) -> None:
    series = Storing(
        start_server(InvenioOptions(new_version_date="missing")), publish=True, series=True
    )
    series.store(sample("1"))
    series.store(sample("2"))
    assert series.record(sample("2")).metadata["publication_date"] == "2026-01-02"


def test_there_is_one_writer_of_a_series_at_a_time(series: Storing) -> None:
    arriving, next_one = sample("1"), sample("2")
    seen: list[BaseException] = []

    def meanwhile(_offset: int) -> None:
        if not seen:
            with pytest.raises(TransientError, match="another labferry") as caught:
                series.store(next_one)
            seen.append(caught.value)

    arriving.on_read = meanwhile
    series.store(arriving)
    series.store(next_one)
    assert seen
    series.assert_whole(arriving, next_one)


@pytest.mark.parametrize("after_effect", [False, True])
def test_lost_answer_to_the_description_of_a_version_is_no_persons_edit(
    series: Storing, *, after_effect: bool
) -> None:
    series.store(sample("1"))
    series.server.faults.add(Fault("update-draft", Reset(after_effect=after_effect)))
    with pytest.raises(TransientError):
        series.store(sample("2"))
    series.store(sample("2"))
    series.assert_whole(sample("1"), sample("2"))


def test_version_whose_description_is_not_accepted_is_not_left_behind(series: Storing) -> None:
    series.store(sample("1"))
    wrong = [{"field": "metadata.funding", "messages": ["Unknown award."]}]
    fault = Rewrite(lambda document: document.update(errors=wrong))
    series.server.faults.add(Fault("update-draft", fault))
    with pytest.raises(ConflictError, match="Unknown award"):
        series.store(sample("2"))
    assert series.server.drafts == {}
    series.store(sample("3"))
    assert series.record(sample("3")).index == 2


def test_answers_to_writes_may_tell_less_than_what_is_read(series: Storing) -> None:
    terse = Rewrite(lambda document: document["metadata"].update(resource_type={"id": "dataset"}))
    writes: tuple[On, ...] = ("create", "new-version", "update-draft")
    for kind in writes:
        series.server.faults.add(Fault(kind, terse))
    series.store(sample("1"))
    series.store(sample("2"))
    series.assert_whole(sample("1"), sample("2"))
