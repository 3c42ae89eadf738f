import base64
from functools import partial

import pytest

from labferry.sdk import Checked, ConflictError, IntegrityError
from labferry.testing.sink.base import Background

from .bucket import PART, Bucket
from .proxy import Proxy
from .storing import SEVERAL, Storing, sample

_SIZES = pytest.mark.parametrize("size", [0, 1000, SEVERAL], ids=["empty", "small", "in-parts"])


@_SIZES
def test_store_confirms_the_very_number_that_the_server_declared(bucket: Bucket, size: int) -> None:
    for storing in Storing.over(bucket):
        archive = sample(size)
        assert storing.store(archive).checked is Checked.STORE_CHECKSUM
        head = bucket.client.head_object(
            Bucket=bucket.name, Key=f"backups/lab/{archive.key}", ChecksumMode="ENABLED"
        )
        confirmed = int.from_bytes(base64.b64decode(head["ChecksumCRC32"]), "big")
        checked = head.get("ChecksumType", "FULL_OBJECT")
        assert (confirmed, checked) == (archive.crc32, "FULL_OBJECT")
        assert storing.holds(archive)


def test_nothing_is_read_back_where_the_store_has_a_checksum(bucket: Bucket) -> None:
    with Proxy(bucket.store.url).running() as proxy:
        for storing in Storing.over(bucket, endpoint_url=proxy.url):
            storing.store(sample())
        assert proxy.asked(r"GET [^?]*\.zip$") == []


@pytest.mark.parametrize("size", [1000, SEVERAL], ids=["small", "in-parts"])
def test_bytes_that_are_always_damaged_on_their_way_are_refused(bucket: Bucket, size: int) -> None:
    with Proxy(bucket.store.url).running() as proxy:
        proxy.fail(r"PUT .*\.zip", "flip", times=99)
        for storing in Storing.over(bucket, endpoint_url=proxy.url, retries=1):
            with pytest.raises(IntegrityError, match="other bytes than were sent"):
                storing.store(sample(size))
    assert bucket.names() == {}


def test_object_that_appears_meanwhile_is_not_overwritten(bucket: Bucket) -> None:
    """The condition on the completion; the look before it is made blind."""
    archive = sample(arrived=0)
    with Proxy(bucket.store.url).running() as proxy:
        for storing in Storing.over(bucket, endpoint_url=proxy.url):
            store = Background(partial(storing.store, archive))
            archive.arrive(3 * PART)
            while not proxy.asked("partNumber=2"):
                pass
            proxy.fail(r"HEAD .*\.zip$", "answer", status=404, code="NoSuchKey")
            bucket.write(archive.key, b"theirs")
            archive.verify()
            with pytest.raises(ConflictError):
                store.result()
        assert proxy.faults[0].done == 1
    assert bucket.names() == {archive.key: 6}


def test_small_object_that_appears_meanwhile_is_not_overwritten(bucket: Bucket) -> None:
    archive = sample(1000, arrived=0)
    for storing in Storing.over(bucket):
        store = Background(partial(storing.store, archive))
        while not archive.is_waited_for():
            assert not store.ended
        bucket.write(archive.key, b"theirs")
        archive.verify()
        with pytest.raises(ConflictError):
            store.result()
    assert bucket.names() == {archive.key: 6}


@_SIZES
def test_without_checksums_etags_tell(on_ceph: Storing, size: int) -> None:
    assert on_ceph.store(sample(size)).checked is Checked.STORE_CHECKSUM


def test_with_neither_all_is_read_back(on_ceph: Storing) -> None:
    on_ceph.set(sse={"customer_key": base64.b64encode(bytes(32)).decode()})
    assert on_ceph.store(sample()).checked in {Checked.READ_BACK, Checked.STORE_CHECKSUM}


def test_archive_that_was_copied_here_by_other_means_is_recognised(
    on_ceph: Storing, ceph_bucket: Bucket
) -> None:
    archive = sample()
    ceph_bucket.write(archive.key, archive.content.read(0, SEVERAL))
    assert on_ceph.store(archive).checked is Checked.READ_BACK
    assert on_ceph.holds(archive)
