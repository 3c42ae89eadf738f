"""The stores that the tests of the S3 destination talk to; each is started when first needed."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.servers.ceph import Ceph
from tests.servers.localstack import localstack
from tests.servers.rclone import rclone_s3
from tests.servers.s3_store import Store
from tests.servers.seaweedfs import SHARED, SeaweedFS, store_at

from .bucket import Bucket
from .proxy import Proxy
from .storing import Storing

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of a store on one worker, where it is started once."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            used = [item.name, *getattr(item, "fixturenames", ())]
            stores = [
                s for s in ("localstack", "ceph", "rclone") if any(s in each for each in used)
            ]
            item.add_marker(pytest.mark.xdist_group(f"s3-{(stores or ['seaweedfs'])[0]}"))
            if _is_slow(item, used):
                item.add_marker(pytest.mark.slow)


def _is_slow(item: pytest.Item, used: Sequence[str]) -> bool:
    """All that asks a store, but for the contract at one that is there on every machine."""
    asks = any(each.endswith("_store") for each in used)
    return asks and "TestS3SinkOnSeaweedFS" not in item.nodeid


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    with Ceph(tmp_path_factory.mktemp("ceph")).running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def ceph_store(ceph: Ceph) -> Store:
    return ceph.user("labferry")


@pytest.fixture(scope="session")
def localstack_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with localstack(tmp_path_factory.mktemp("localstack")) as store:
        yield store


@pytest.fixture(scope="session")
def seaweedfs_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if SHARED in os.environ:
        yield store_at(int(os.environ[SHARED]))
        return
    with SeaweedFS(tmp_path_factory.mktemp("seaweedfs")).running() as server:
        yield server.store


@pytest.fixture(scope="session")
def rclone_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with rclone_s3(tmp_path_factory.mktemp("rclone")) as store:
        yield store


@pytest.fixture
def make_bucket(seaweedfs_store: Store) -> Iterator[Callable[..., Bucket]]:
    """Make a bucket; of SeaweedFS, which is there on every machine."""
    buckets: list[Bucket] = []

    def made(**options: bool) -> Bucket:
        buckets.append(Bucket(seaweedfs_store, **options))
        return buckets[-1]

    yield made
    if SHARED in os.environ:
        for bucket in buckets:
            bucket.discard()


@pytest.fixture
def bucket(make_bucket: Callable[..., Bucket]) -> Bucket:
    return make_bucket()


@pytest.fixture
def ceph_bucket(ceph_store: Store) -> Bucket:
    """A bucket of a store that computes no checksums and ignores conditional requests."""
    return Bucket(ceph_store)


@pytest.fixture
def localstack_bucket(localstack_store: Store) -> Bucket:
    return Bucket(localstack_store)


@pytest.fixture
def on_ceph(ceph_bucket: Bucket) -> Iterator[Storing]:
    yield from Storing.over(ceph_bucket)


@pytest.fixture
def storing(bucket: Bucket) -> Iterator[Storing]:
    yield from Storing.over(bucket)


@pytest.fixture
def proxy(seaweedfs_store: Store) -> Iterator[Proxy]:
    """A proxy in front of SeaweedFS."""
    with Proxy(seaweedfs_store.url).running() as started:
        yield started


@pytest.fixture
def through_proxy(bucket: Bucket, proxy: Proxy) -> Iterator[Storing]:
    yield from Storing.over(bucket, endpoint_url=proxy.url)
