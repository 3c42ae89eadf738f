from datetime import timedelta
from pathlib import Path

import pytest

from labferry.sdk import IntegrityError, TransientError
from labferry.testing.samples.attempts import Attempt, Recipe
from labferry.testing.samples.documents import FileCheckpoint, MemoryCheckpoint
from labferry.testing.sink.killing import run_in_process
from labferry_s3 import S3Sink

from .bucket import PART, Bucket
from .proxy import Proxy
from .storing import SEVERAL, Storing, sample


def _interrupt(storing: Storing, parts: int, seed: str | None = None) -> None:
    """Leave an upload with that many parts."""
    archive = sample(arrived=parts * PART, error=TransientError("Stopped."), seed=seed)
    with pytest.raises(TransientError, match="Stopped"):
        storing.store(archive)


def test_killed_upload_sends_at_most_the_parts_in_flight_again(
    through_proxy: Storing, proxy: Proxy, tmp_path: Path
) -> None:
    size, width = 12 * PART + 1, 2
    through_proxy.set(concurrency=width)
    recipe = Recipe.of(S3Sink, through_proxy.settings)
    attempt = Attempt("store", "1", size, str(tmp_path), read_limit=11 * PART)
    (outcome,) = run_in_process(recipe, [attempt])
    assert outcome.killed, outcome.error
    before = len(proxy.asked("PUT .*partNumber="))
    through_proxy.store(sample(size), FileCheckpoint(tmp_path / "1.json"))
    assert through_proxy.holds(sample(size))
    missing = 13 - 11
    assert len(proxy.asked("PUT .*partNumber=")) - before <= missing + width


def test_upload_that_somebody_removed_begins_anew(storing: Storing, bucket: Bucket) -> None:
    _interrupt(storing, 2)
    (upload,) = bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    bucket.client.abort_multipart_upload(
        Bucket=bucket.name, Key=upload["Key"], UploadId=upload["UploadId"]
    )
    archive = sample()
    storing.store(archive)
    assert storing.holds(archive)


def test_parts_of_an_earlier_download_that_was_wrong_are_never_published(
    storing: Storing, bucket: Bucket
) -> None:
    _interrupt(storing, 2, seed="damaged")
    note = {**storing.note.load(), "crc32": sample().crc32}
    storing.note = MemoryCheckpoint(note)
    with pytest.raises(TransientError, match="not from this archive"):
        storing.store(sample())
    assert bucket.names() == {}
    archive = sample()
    storing.store(archive)
    assert storing.holds(archive)


def test_part_that_the_store_has_but_the_note_misses_is_compared_not_sent(
    through_proxy: Storing, proxy: Proxy
) -> None:
    _interrupt(through_proxy, 2)
    through_proxy.note = MemoryCheckpoint({**through_proxy.note.load(), "parts": {}})
    archive = sample()
    through_proxy.store(archive)
    assert through_proxy.holds(archive)
    assert len(proxy.asked("PUT .*partNumber=1&")) == 1


def test_part_that_the_store_has_with_other_bytes_is_sent_again(
    storing: Storing, bucket: Bucket
) -> None:
    _interrupt(storing, 2)
    (upload,) = bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    bucket.client.upload_part(
        Bucket=bucket.name,
        Key=upload["Key"],
        UploadId=upload["UploadId"],
        PartNumber=1,
        Body=b"x" * PART,
    )
    archive = sample()
    storing.store(archive)
    assert storing.holds(archive)


def test_other_part_size_in_the_settings_does_not_spoil_an_upload(storing: Storing) -> None:
    _interrupt(storing, 2)
    storing.set(part_size="6 MiB")
    archive = sample()
    storing.store(archive)
    assert storing.holds(archive)
    assert archive.bytes_read == SEVERAL - 2 * PART


def test_refused_archive_leaves_no_upload(storing: Storing, bucket: Bucket) -> None:
    archive = sample(arrived=3 * PART, error=IntegrityError("The checksum is wrong."))
    with pytest.raises(IntegrityError):
        storing.store(archive)
    assert bucket.uploads() == []
    assert storing.note.load() == {}


def test_uploads_of_a_stored_archive_are_removed(storing: Storing, bucket: Bucket) -> None:
    _interrupt(storing, 2)
    storing.note = MemoryCheckpoint()
    archive = sample()
    storing.store(archive)
    assert bucket.uploads() == []
    assert storing.holds(archive)


def test_check_removes_dead_uploads_of_ours_and_nobody_elses(
    storing: Storing, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    _interrupt(storing, 1)
    for key in ("backups/lab/theirs.bin", "backups/lab2/a/2026/20260102T030405Z-a-1.zip"):
        bucket.client.create_multipart_upload(Bucket=bucket.name, Key=key)
    young = [finding.message for finding in storing.sink.check()]
    assert any("1 unfinished upload" in message for message in young)
    assert len(bucket.uploads()) == 3
    monkeypatch.setattr("labferry_s3.strays._DEAD_AFTER", timedelta(hours=-1))
    old = [finding.message for finding in storing.sink.check()]
    assert any("Removed 1 unfinished upload" in message for message in old)
    assert len(bucket.uploads()) == 2
