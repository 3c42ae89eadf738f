from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.servers.ceph import KMS_KEY
from tests.servers.s3_store import Store
from tests.speed import first_quick

from labferry.sdk import (
    ConfigError,
    InvalidAnswerError,
    JsonValue,
    LabferryError,
    RefusedError,
    Severity,
)
from labferry.testing.samples.documents import SampleManifest

from .bucket import Bucket
from .storing import SEVERAL, Storing, sample

CUSTOMER_KEY = "c2l4dGVlbiBieXRlcyBzaXh0ZWVuIGJ5dGVzIGhlcmU="
_SIZES = pytest.mark.parametrize("size", [1000, SEVERAL], ids=["small", "in-parts"])


@pytest.fixture(params=["seaweedfs", "ceph"])
def make_bucket(request: pytest.FixtureRequest) -> Callable[..., Bucket]:
    """Make a bucket of either store: they differ in what they do with locks and versions."""

    def made(**options: bool) -> Bucket:
        return Bucket(request.getfixturevalue(f"{request.param}_store"), **options)

    return made


@pytest.fixture
def locked(make_bucket: Callable[..., Bucket]) -> Bucket:
    return make_bucket(ObjectLockEnabledForBucket=True)


@_SIZES
@pytest.mark.parametrize("mode", first_quick(["governance", "compliance"]))
def test_lock_is_set_and_the_archive_can_not_be_deleted(
    locked: Bucket, mode: str, size: int
) -> None:
    lock: JsonValue = {"mode": mode, "retain": "30d"}
    for storing in Storing.over(locked, object_lock=lock):
        archive = sample(size)
        receipt = storing.store(archive)
        head = locked.head(archive.key)
        assert (head["ObjectLockMode"], head["VersionId"]) == (mode.upper(), receipt.version_id)
        assert head["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(days=29)
        (stored,) = storing.sink.list()
        assert storing.sink.hold(stored).startswith(f"locked ({mode}) until 20")
        with pytest.raises(RefusedError, match=f"locked \\({mode}\\) until 20"):
            storing.sink.delete(stored)
        assert storing.holds(archive)


@_SIZES
def test_legal_hold_is_set_and_the_archive_can_not_be_deleted(locked: Bucket, size: int) -> None:
    for storing in Storing.over(locked, object_lock={"legal_hold": True}):
        archive = sample(size)
        storing.store(archive)
        assert locked.head(archive.key)["ObjectLockLegalHoldStatus"] == "ON"
        (stored,) = storing.sink.list()
        assert "legal hold" in storing.sink.hold(stored)
        with pytest.raises(RefusedError, match="legal hold"):
            storing.sink.delete(stored)
        assert storing.holds(archive)


def test_archive_that_is_there_but_not_locked_is_locked(locked: Bucket) -> None:
    archive = sample()
    for storing in Storing.over(locked):
        storing.store(archive)
    locked.remove(SampleManifest(archive).key)
    for storing in Storing.over(locked, object_lock={"legal_hold": True}):
        storing.store(archive)
        assert locked.head(archive.key)["ObjectLockLegalHoldStatus"] == "ON"


def test_archive_in_a_bucket_without_lock_is_not_called_locked(bucket: Bucket) -> None:
    archive = sample()
    for storing in Storing.over(bucket):
        storing.store(archive)
    bucket.remove(SampleManifest(archive).key)
    for storing in Storing.over(bucket, object_lock={"legal_hold": True}):
        with pytest.raises(InvalidAnswerError, match="not under a legal hold"):
            storing.store(archive)
        assert storing.listed() == {}


def test_lock_in_a_bucket_without_it_is_refused_and_found_by_the_check(storing: Storing) -> None:
    storing.set(object_lock={"mode": "governance", "retain": "1d"})
    (error,) = [each for each in storing.sink.check() if each.severity is Severity.ERROR]
    assert error.message.startswith("object_lock is set, but")
    with pytest.raises(LabferryError):
        storing.store(sample(1000))
    assert storing.listed() == {}


@_SIZES
def test_customer_key_encrypts_and_is_needed_to_read(
    storing: Storing, bucket: Bucket, size: int
) -> None:
    storing.set(sse={"customer_key": CUSTOMER_KEY})
    archive = sample(size)
    first = storing.store(archive)
    assert storing.store(archive) == first
    (stored,) = storing.sink.list()
    with storing.sink.open(stored, 10) as file:
        assert file.read() == archive.content.read(10, size)
    with pytest.raises(bucket.client.exceptions.ClientError):
        bucket.read(archive.key)
    assert CUSTOMER_KEY not in repr(first)


def test_customer_key_of_another_length_is_a_mistake(storing: Storing) -> None:
    storing.set(sse={"customer_key": "c2hvcnQ="})
    with pytest.raises(ConfigError, match="32 bytes") as caught:
        storing.store(sample())
    assert "c2hvcnQ" not in str(caught.value)


@_SIZES
def test_kms_key_encrypts(on_ceph: Storing, ceph_bucket: Bucket, size: int) -> None:
    on_ceph.set(sse={"kms_key": KMS_KEY})
    archive = sample(size)
    first = on_ceph.store(archive)
    assert ceph_bucket.head(archive.key)["SSEKMSKeyId"] == KMS_KEY
    assert on_ceph.holds(archive)
    assert on_ceph.store(archive) == first


@_SIZES
def test_store_keys_encrypt(localstack_bucket: Bucket, size: int) -> None:
    for storing in Storing.over(localstack_bucket, sse="AES256"):
        archive = sample(size)
        storing.store(archive)
        assert localstack_bucket.head(archive.key)["ServerSideEncryption"] == "AES256"
        assert storing.holds(archive)


def test_store_that_ignores_the_wish_for_encryption_is_found_out(on_ceph: Storing) -> None:
    on_ceph.set(sse="AES256")
    with pytest.raises(InvalidAnswerError, match="not encrypted"):
        on_ceph.store(sample())
    assert on_ceph.listed() == {}
    with pytest.raises(InvalidAnswerError, match="not encrypted"):
        list(on_ceph.sink.check())


@_SIZES
def test_storage_class_and_tags_are_set(seaweedfs_store: Store, size: int) -> None:
    bucket = Bucket(seaweedfs_store)
    for storing in Storing.over(
        bucket,
        storage_class="STANDARD_IA",
        tags={"team": "chemistry + lab = 1", "kind": "eln"},
    ):
        archive = sample(size)
        storing.store(archive)
        assert bucket.head(archive.key)["StorageClass"] == "STANDARD_IA"
        assert "StorageClass" not in bucket.head(SampleManifest(archive).key)
        tags = bucket.client.get_object_tagging(
            Bucket=bucket.name, Key=f"backups/lab/{archive.key}"
        )["TagSet"]
        assert {each["Key"]: each["Value"] for each in tags} == {
            "team": "chemistry + lab = 1",
            "kind": "eln",
        }


def test_versions_are_named_in_receipts_and_outlive_a_delete(
    storing: Storing, bucket: Bucket
) -> None:
    bucket.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )
    archive = sample()
    receipt = storing.store(archive)
    assert receipt.version_id == bucket.head(archive.key)["VersionId"]
    assert storing.store(archive) == receipt
    (stored,) = storing.sink.list()
    assert stored.version_id == receipt.version_id
    storing.sink.delete(stored)
    assert storing.listed() == {}
    with storing.sink.open(stored) as file:
        assert file.read() == archive.content.read(0, archive.size)
    versions = bucket.client.list_object_versions(Bucket=bucket.name)["Versions"]
    assert receipt.version_id in {each["VersionId"] for each in versions}
    storing.sink.delete(stored)
    markers = bucket.client.list_object_versions(Bucket=bucket.name)["DeleteMarkers"]
    assert len(markers) == 2
