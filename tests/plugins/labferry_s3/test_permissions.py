"""With users of whom each may do something else, as the how-to recommends."""

import json
from collections.abc import Iterator

import pytest
from tests.servers.ceph import Ceph
from tests.servers.s3_store import Store

from labferry.sdk import Checked, ConflictError, FullError, NotFoundError, RefusedError, Severity

from .bucket import Bucket
from .storing import SEVERAL, Storing, sample

_WRITE = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
_LIST = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
_READ = ["s3:GetObject", "s3:GetObjectVersion"]
_DELETE = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
_SIZES = pytest.mark.parametrize("size", [0, 1000, SEVERAL], ids=["empty", "small", "in-parts"])


@pytest.fixture
def bucket(ceph_bucket: Bucket) -> Bucket:
    """Of a store that has policies."""
    return ceph_bucket


@pytest.fixture(scope="session")
def writer(ceph: Ceph) -> Store:
    """Who may do what the bucket's policy says, and owns nothing."""
    return ceph.user("writer")


@pytest.fixture
def writing(bucket: Bucket, writer: Store) -> Iterator[Storing]:
    _allow(bucket, *_WRITE, *_LIST)
    yield from Storing.over(
        bucket,
        access_key_id=writer.access_key,
        secret_access_key=writer.secret_key,
        acl="bucket-owner-full-control",
    )


def _allow(bucket: Bucket, *actions: str) -> None:
    arn = f"arn:aws:s3:::{bucket.name}"
    whom = {
        "Principal": {"AWS": ["arn:aws:iam:::user/writer"]},
        "Resource": [arn, f"{arn}/*"],
    }
    allowed = {**whom, "Effect": "Allow", "Action": list(actions)}
    # Here the writer owns what it writes, being another account; AWS can turn that off.
    denied = {**whom, "Effect": "Deny", "Action": [*_READ, *_DELETE]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed, denied]})
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=policy)


@_SIZES
def test_who_may_only_write_and_list_can_store(writing: Storing, size: int) -> None:
    archive = sample(size)
    receipt = writing.store(archive)
    assert receipt.checked is Checked.STORE_CHECKSUM
    assert writing.holds(archive)
    assert writing.store(archive) == receipt


@_SIZES
def test_who_may_only_write_and_list_overwrites_nothing(
    writing: Storing, bucket: Bucket, size: int
) -> None:
    archive = sample(size)
    bucket.write(archive.key, b"theirs")
    with pytest.raises(ConflictError):
        writing.store(archive)
    assert bucket.names() == {archive.key: 6}


def test_who_may_only_write_can_neither_read_nor_delete_and_is_told_why(
    writing: Storing, storing: Storing
) -> None:
    archive = sample()
    writing.store(archive)
    (stored,) = storing.sink.list()
    with pytest.raises(RefusedError, match="s3:GetObject") as caught:
        writing.sink.open(stored)
    assert "policy" in caught.value.hint
    with pytest.raises(RefusedError, match="s3:DeleteObject"):
        writing.sink.delete(stored)
    assert storing.holds(archive)


def test_check_says_that_who_may_only_write_is_fine(writing: Storing, bucket: Bucket) -> None:
    for _ in range(2):
        findings = list(writing.sink.check())
        said = " ".join(each.message for each in findings)
        assert "may not read, which is fine" in said
        assert "may not delete, which is right" in said
        assert [each for each in findings if each.severity is Severity.ERROR] == []
        assert list(bucket.names()) == ["labferry-check"]


def test_check_fails_for_who_may_not_write(writing: Storing, bucket: Bucket) -> None:
    _allow(bucket, *_LIST)
    with pytest.raises(RefusedError, match="denies s3:PutObject"):
        list(writing.sink.check())


def test_check_tells_of_permissions_that_a_writer_does_not_need(
    storing: Storing, bucket: Bucket
) -> None:
    bucket.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )
    said = {each.message: each.severity for each in storing.sink.check()}
    (message,) = (each for each in said if "remove versions for good" in each)
    assert said[message] is Severity.WARNING
    assert any("list all buckets" in each for each in said)
    assert "Versions" not in bucket.client.list_object_versions(Bucket=bucket.name)


def test_check_tells_lifecycle_and_lock(storing: Storing, bucket: Bucket) -> None:
    said = {each.message: each.severity for each in storing.sink.check()}
    (missing,) = (each for each in said if "AbortIncompleteMultipartUpload" in each)
    assert said[missing] is Severity.WARNING
    assert any("no object lock" in each for each in said)
    rule = {
        "ID": "tidy",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    bucket.client.put_bucket_lifecycle_configuration(
        Bucket=bucket.name, LifecycleConfiguration={"Rules": [rule]}
    )
    said = {each.message: each.severity for each in storing.sink.check()}
    assert any("lifecycle rule removes" in each for each in said)


def test_misspelt_bucket_is_answered_with_the_nearest_name(
    storing: Storing, bucket: Bucket
) -> None:
    storing.set(bucket=bucket.name[:-1])
    with pytest.raises(NotFoundError, match=f'Did you mean "{bucket.name}"'):
        list(storing.sink.check())


def test_full_store_is_told_and_the_parts_are_removed(ceph: Ceph) -> None:
    poor = Bucket(ceph.user("poor"))
    ceph.limit("poor", 6 << 20)
    for storing in Storing.over(poor):
        with pytest.raises(FullError, match="quota"):
            _store_often(storing)
        assert poor.uploads() == []


def _store_often(storing: Storing) -> None:
    for job in ("1", "2", "3"):
        storing.store(sample(job=job))
