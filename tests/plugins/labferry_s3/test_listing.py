"""Looking at what is in a bucket: versions, checksums, leftovers."""

from dataclasses import replace

import pytest

from labferry.sdk import (
    Checked,
    IntegrityError,
    LabferryError,
    NotFoundError,
    Stray,
    StrayKind,
    TransientError,
)

from .bucket import PART, PREFIX, Bucket
from .storing import SEVERAL, Storing, sample


def test_the_visible_version_is_listed_and_read(storing: Storing, bucket: Bucket) -> None:
    bucket.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )
    archive, other = sample(), sample(1000, job="2")
    receipt = storing.store(archive)
    storing.store(other)
    storing.sink.delete(storing.listed()[other.key])
    (stored,) = storing.sink.list()
    assert (stored.key, stored.version_id) == (archive.key, receipt.version_id)
    bucket.write(archive.key, b"something newer")
    with storing.sink.open(stored) as file:
        assert file.read() == archive.content.read(0, archive.size)
    with pytest.raises(IntegrityError, match="15 bytes"):
        storing.sink.quick_check(stored)


def test_a_bucket_without_versions_lists_none(storing: Storing) -> None:
    storing.store(sample(1000))
    assert [each.version_id for each in storing.sink.list()] == [None]


@pytest.mark.parametrize("size", [1000, SEVERAL], ids=["small", "in-parts"])
def test_the_stores_checksum_is_compared_with_the_manifests(bucket: Bucket, size: int) -> None:
    for storing in Storing.over(bucket):
        archive = sample(size)
        storing.store(archive)
        (stored,) = storing.sink.list()
        assert storing.sink.quick_check(stored) is Checked.STORE_CHECKSUM
        manifest = stored.manifest.model_copy(update={"crc32": f"{archive.crc32 ^ 1:08x}"})
        with pytest.raises(IntegrityError, match="another CRC-32"):
            storing.sink.quick_check(replace(stored, manifest=manifest))


def test_the_etag_is_compared_where_the_manifest_has_an_md5(on_ceph: Storing) -> None:
    archive = sample(1000)
    on_ceph.store(archive)
    (stored,) = on_ceph.sink.list()
    assert on_ceph.sink.quick_check(stored) is Checked.SIZE
    md5 = on_ceph.bucket.head(archive.key)["ETag"].strip('"')
    manifest = stored.manifest.model_copy(update={"md5": md5})
    found = on_ceph.sink.quick_check(replace(stored, manifest=manifest))
    assert found is Checked.STORE_CHECKSUM


def test_quick_check_of_what_is_gone(storing: Storing, bucket: Bucket) -> None:
    archive = sample(1000)
    storing.store(archive)
    (stored,) = storing.sink.list()
    bucket.remove(archive.key)
    with pytest.raises(NotFoundError, match="not there any more"):
        storing.sink.quick_check(stored)
    assert storing.sink.hold(stored) == ""


def test_uploads_are_told_and_only_those_of_archives_removed(
    storing: Storing, bucket: Bucket
) -> None:
    with pytest.raises(TransientError):
        storing.store(sample(arrived=3 * PART, error=TransientError("The download stopped.")))
    bucket.client.create_multipart_upload(Bucket=bucket.name, Key=f"{PREFIX}theirs/big.iso")
    bucket.client.create_multipart_upload(Bucket=bucket.name, Key="elsewhere")
    strays = {stray.key: stray for stray in storing.sink.strays()}
    assert {key: stray.kind for key, stray in strays.items()} == {
        sample().key: StrayKind.UNFINISHED,
        "theirs/big.iso": StrayKind.FOREIGN,
    }
    for stray in (*strays.values(), *strays.values()):
        if stray.kind is StrayKind.UNFINISHED:
            storing.sink.remove_stray(stray)
        else:
            with pytest.raises(LabferryError, match="was not removed"):
                storing.sink.remove_stray(stray)
            with pytest.raises(LabferryError, match="was not removed"):
                storing.sink.remove_stray(replace(stray, kind=StrayKind.UNFINISHED))
    assert len(bucket.uploads()) == 2


def test_what_a_check_could_not_remove_is_a_stray(storing: Storing, bucket: Bucket) -> None:
    bucket.write("labferry-check", b"?")
    (stray,) = storing.sink.strays()
    assert (stray.kind, stray.key, stray.size) == (StrayKind.UNFINISHED, "labferry-check", 1)
    storing.sink.remove_stray(stray)
    assert bucket.names() == {}


def test_an_object_is_never_removed_as_an_upload(storing: Storing) -> None:
    archive = sample(1000)
    storing.store(archive)
    for token in ("", "made-up"):
        stray = Stray(StrayKind.UNFINISHED, archive.key, token=token)
        try:
            storing.sink.remove_stray(stray)
        except LabferryError:
            continue
    assert storing.holds(archive)
