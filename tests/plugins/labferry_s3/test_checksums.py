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
def test_store_confirms_the_very_number_that_the_server_declared(
    checking_bucket: Bucket, size: int
) -> None:
    for storing in Storing.over(checking_bucket):
        archive = sample(size)
        assert storing.store(archive).checked is Checked.STORE_CHECKSUM
        head = checking_bucket.client.head_object(
            Bucket=checking_bucket.name, Key=f"backups/lab/{archive.key}", ChecksumMode="ENABLED"
        )
        confirmed = int.from_bytes(base64.b64decode(head["ChecksumCRC32"]), "big")
        assert (confirmed, head["ChecksumType"]) == (archive.crc32, "FULL_OBJECT")
        assert storing.holds(archive)


def test_nothing_is_read_back_where_the_store_has_a_checksum(checking_bucket: Bucket) -> None:
    with Proxy(checking_bucket.store.url).running() as proxy:
        for storing in Storing.over(checking_bucket, endpoint_url=proxy.url):
            storing.store(sample())
        assert proxy.asked(r"GET [^?]*\.zip$") == []


@pytest.mark.parametrize("size", [1000, SEVERAL], ids=["small", "in-parts"])
def test_bytes_that_are_always_damaged_on_their_way_are_refused(
    checking_bucket: Bucket, size: int
) -> None:
    with Proxy(checking_bucket.store.url).running() as proxy:
        proxy.fail(r"PUT .*\.zip", "flip", times=99)
        for storing in Storing.over(checking_bucket, endpoint_url=proxy.url, retries=1):
            with pytest.raises(IntegrityError, match="other bytes than were sent"):
                storing.store(sample(size))
    assert checking_bucket.names() == {}


def test_object_that_appears_meanwhile_is_not_overwritten(checking_bucket: Bucket) -> None:
    """The condition on the completion; the look before it is made blind."""
    archive = sample(arrived=0)
    with Proxy(checking_bucket.store.url).running() as proxy:
        for storing in Storing.over(checking_bucket, endpoint_url=proxy.url):
            store = Background(partial(storing.store, archive))
            archive.arrive(3 * PART)
            while not proxy.asked("partNumber=2"):
                pass
            proxy.fail(r"HEAD .*\.zip$", "answer", status=404, code="NoSuchKey")
            checking_bucket.write(archive.key, b"theirs")
            archive.verify()
            with pytest.raises(ConflictError):
                store.result()
        assert proxy.faults[0].done == 1
    assert checking_bucket.names() == {archive.key: 6}


def test_small_object_that_appears_meanwhile_is_not_overwritten(checking_bucket: Bucket) -> None:
    archive = sample(1000, arrived=0)
    for storing in Storing.over(checking_bucket):
        store = Background(partial(storing.store, archive))
        while not archive.is_waited_for():
            assert not store.ended
        checking_bucket.write(archive.key, b"theirs")
        archive.verify()
        with pytest.raises(ConflictError):
            store.result()
    assert checking_bucket.names() == {archive.key: 6}


@pytest.mark.parametrize("size", [0, 1000, SEVERAL], ids=["empty", "small", "in-parts"])
def test_without_checksums_etags_tell(storing: Storing, size: int) -> None:
    assert storing.store(sample(size)).checked is Checked.STORE_CHECKSUM


def test_with_neither_all_is_read_back(storing: Storing) -> None:
    storing.set(sse={"customer_key": base64.b64encode(bytes(32)).decode()})
    assert storing.store(sample()).checked in {Checked.READ_BACK, Checked.STORE_CHECKSUM}


def test_archive_that_was_copied_here_by_other_means_is_recognised(
    storing: Storing, bucket: Bucket
) -> None:
    archive = sample()
    bucket.write(archive.key, archive.content.read(0, SEVERAL))
    assert storing.store(archive).checked is Checked.READ_BACK
    assert storing.holds(archive)
