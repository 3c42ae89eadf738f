import time
from functools import partial

import pytest
from tests.servers.ceph import Ceph

from labferry.sdk import RefusedError
from labferry.testing.sink.base import Background

from .bucket import PART, Bucket
from .proxy import Proxy
from .storing import SEVERAL, Storing, sample


def _wait_for(proxy: Proxy, match: str, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(proxy.asked(match)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_parts_are_sent_while_the_archive_still_arrives(
    through_proxy: Storing, proxy: Proxy
) -> None:
    archive = sample(arrived=2 * PART)
    store = Background(partial(through_proxy.store, archive))
    _wait_for(proxy, "partNumber=", 2)
    assert not store.ended
    archive.verify()
    store.result()
    assert through_proxy.holds(archive)


def test_several_parts_are_on_their_way_but_no_more_than_asked_for(
    through_proxy: Storing, proxy: Proxy
) -> None:
    through_proxy.set(concurrency=3)
    proxy.fail("partNumber=", "stall", times=3)
    archive = sample()
    store = Background(partial(through_proxy.store, archive))
    _wait_for(proxy, "partNumber=", 3)
    time.sleep(0.05)
    assert len(proxy.asked("partNumber=")) == 3
    proxy.released.set()
    store.result()
    assert through_proxy.holds(archive)


def test_all_but_a_few_bytes_are_sent_before_the_verdict(
    through_proxy: Storing, proxy: Proxy
) -> None:
    archive = sample(6 * PART - 1, arrived=6 * PART - 2)
    store = Background(partial(through_proxy.store, archive))
    _wait_for(proxy, "partNumber=", 5)
    archive.verify()
    store.result()
    assert through_proxy.holds(archive)
    assert len(proxy.asked("partNumber=")) == 6


def test_getting_ready_asks_the_store_for_nothing(through_proxy: Storing, proxy: Proxy) -> None:
    through_proxy.sink.prepare()
    assert proxy.asked("") == []


@pytest.mark.parametrize("size", [PART, PART + 1, 2 * PART], ids=["one", "one-more", "two"])
def test_sizes_around_those_of_parts(storing: Storing, size: int) -> None:
    archive = sample(size)
    storing.store(archive)
    assert storing.holds(archive)


def test_bandwidth_limit_is_kept(storing: Storing) -> None:
    storing.store(sample(1000, job="2"))
    storing.set(bandwidth_limit="4 MB/s")
    begun = time.monotonic()
    storing.store(sample(2_000_000))
    assert time.monotonic() - begun > 0.4


def test_upload_over_tls_trusts_the_given_authority(ceph: Ceph, ceph_bucket: Bucket) -> None:
    url = f"https://127.0.0.1:{ceph.tls_port}"
    for storing in Storing.over(ceph_bucket, endpoint_url=url, ca_file=str(ceph.authority)):
        archive = sample()
        storing.store(archive)
        assert storing.holds(archive)


def test_store_with_an_unknown_certificate_is_refused(ceph: Ceph, ceph_bucket: Bucket) -> None:
    url = f"https://127.0.0.1:{ceph.tls_port}"
    for storing in Storing.over(ceph_bucket, endpoint_url=url):
        with pytest.raises(RefusedError, match="ca_file"):
            storing.store(sample(SEVERAL))


def test_no_failure_shows_a_secret(storing: Storing) -> None:
    secret = "not-the-right-one-0123456789"
    storing.set(secret_access_key=secret)
    with pytest.raises(RefusedError) as caught:
        storing.store(sample())
    error: BaseException | None = caught.value
    while error is not None:
        assert secret not in f"{error} {error!r} {vars(error)}"
        error = error.__cause__
