"""The stores that the tests of the S3 destination talk to; each is started when first needed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .bucket import Bucket
from .ceph import Ceph
from .localstack import localstack
from .proxy import Proxy
from .servers import Store
from .storing import Storing

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of a store on one worker, where it is started once."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            store = "localstack" if "localstack" in item.path.name else "ceph"
            item.add_marker(pytest.mark.xdist_group(f"s3-{store}"))
        if "localstack_store" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)  # it is installed first, and starts slowly


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


@pytest.fixture
def make_bucket(ceph_store: Store) -> Callable[..., Bucket]:
    """Make a bucket of Ceph's."""

    def made(**options: bool) -> Bucket:
        return Bucket(ceph_store, **options)

    return made


@pytest.fixture
def bucket(make_bucket: Callable[..., Bucket]) -> Bucket:
    return make_bucket()


@pytest.fixture
def checking_bucket(localstack_store: Store) -> Bucket:
    """A bucket of a store that computes checksums and knows conditional requests."""
    return Bucket(localstack_store)


@pytest.fixture
def storing(bucket: Bucket) -> Iterator[Storing]:
    yield from Storing.over(bucket)


@pytest.fixture
def proxy(ceph_store: Store) -> Iterator[Proxy]:
    """A proxy in front of Ceph."""
    with Proxy(ceph_store.url).running() as started:
        yield started


@pytest.fixture
def through_proxy(bucket: Bucket, proxy: Proxy) -> Iterator[Storing]:
    yield from Storing.over(bucket, endpoint_url=proxy.url)
