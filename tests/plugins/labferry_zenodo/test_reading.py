"""Reading back: from drafts and published records, from any offset, without the ledger."""

import pytest
from tests.servers.invenio import Fault, Truncate
from tests.servers.invenio.faults import Rewrite

from labferry.sdk import (
    Checked,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    Manifest,
    NotFoundError,
    StoredArchive,
    TransientError,
)

from .storing import Storing, sample


def only(storing: Storing) -> StoredArchive:
    (stored,) = storing.listed()
    return stored


@pytest.mark.parametrize("ranges", [False, True])
@pytest.mark.parametrize("offset", [0, 1, 1500, 2999, 3000, 4000])
def test_any_offset_is_read_whether_the_server_sends_parts_or_not(
    publishing: Storing, offset: int, *, ranges: bool
) -> None:
    publishing.server.options.ranges = ranges
    publishing.store()
    content = sample().content.read(0, 3000)
    assert publishing.fetch(only(publishing), offset) == content[offset:]


def test_download_that_ends_early_is_told(storing: Storing) -> None:
    storing.store()
    stored = only(storing)
    for honest in (False, True):
        storing.server.faults.add(Fault("download-draft-file", Truncate(100, honest=honest)))
        with pytest.raises(TransientError):
            storing.fetch(stored)


def test_quick_check_compares_the_servers_md5(storing: Storing) -> None:
    storing.store()
    stored = only(storing)
    digest = sample().digests().md5
    with_md5 = StoredArchive(
        stored.key,
        stored.size,
        Manifest.model_validate({**stored.manifest.model_dump(), "md5": digest}),
        stored.version_id,
    )
    with storing.sink() as sink:
        assert sink.quick_check(stored) is Checked.SIZE
        assert sink.quick_check(with_md5) is Checked.STORE_CHECKSUM
        storing.server.edit(storing.record().id).put_file(stored.manifest.file, bytes(3000))
        with pytest.raises(IntegrityError, match="MD5"):
            sink.quick_check(with_md5)
        storing.server.edit(storing.record().id).put_file(stored.manifest.file, bytes(2999))
        with pytest.raises(IntegrityError, match="2999"):
            sink.quick_check(stored)
        storing.server.edit(storing.record().id).delete_draft()
        with pytest.raises(NotFoundError):
            sink.quick_check(stored)


def test_record_of_another_archive_is_not_opened(storing: Storing) -> None:
    for job in "12":
        storing.store(sample(job))
    one, other = sorted(storing.listed(), key=lambda each: each.key)
    crossed = StoredArchive(one.key, one.size, one.manifest, other.version_id)
    with pytest.raises(NotFoundError):
        storing.fetch(crossed)


def test_list_reads_every_page(storing: Storing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labferry_zenodo.records._PAGE", 2)
    archives = [sample(job) for job in "12345"]
    for archive in archives:
        storing.store(archive)
    assert {each.key for each in storing.listed()} == {each.key for each in archives}


def test_list_leaves_out_what_the_index_still_shows_but_is_gone(storing: Storing) -> None:
    storing.store(sample("1"))
    storing.store(sample("2"))
    storing.server.options.index_delay = 3600
    storing.server.edit(storing.record(sample("1")).id).delete_draft()
    assert [each.key for each in storing.listed()] == [sample("2").key]


def test_list_reads_what_was_published_since_it_was_indexed(storing: Storing) -> None:
    storing.store()
    storing.server.options.index_delay = 3600
    storing.server.edit(storing.record().id).publish()
    assert storing.fetch(only(storing)) == sample().content.read(0, 3000)


def test_two_records_of_one_archive_are_listed_once(
    storing: Storing, caplog: pytest.LogCaptureFixture
) -> None:
    storing.store()
    storing.server.faults.add(Fault("mine", Rewrite(lambda answer: answer["hits"].update(hits=[]))))
    storing.forget()
    storing.store()
    assert len(storing.account.all()) == 2
    assert only(storing).key == sample().key
    assert "another record" in caplog.text


@pytest.mark.parametrize("key", ["../x.zip", "/x.zip", "", "x/../y.zip"])
def test_hostile_keys_are_refused_without_a_request(storing: Storing, key: str) -> None:
    storing.store()
    stored = only(storing)
    count = len(storing.server.requests)
    with storing.sink() as sink, pytest.raises(InvalidAnswerError):
        sink.delete(StoredArchive(key, 1, stored.manifest))
    assert len(storing.server.requests) == count


def test_unfinished_draft_can_be_removed_but_nothing_else(storing: Storing) -> None:
    storing.store(sample("1"))
    with storing.sink() as sink:
        (draft,) = (hit for hit in sink._account.records.mine())
        (finished,) = sink.list()
        assert [*sink.strays()] == []
        sink._account.records.remove_file(draft, finished.manifest.file)
        sink._account.records.remove_file(draft, finished.manifest.file + ".manifest.json")
        (stray,) = sink.strays()
        assert stray.since is not None
        storing.store(sample("1"))
        with pytest.raises(LabferryError, match="not removed"):
            sink.remove_stray(stray)
    storing.assert_whole(sample("1"))
