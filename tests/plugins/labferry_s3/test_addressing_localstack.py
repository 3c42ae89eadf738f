"""The bucket's name in the host's name, as AWS wants it."""

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from .bucket import Bucket
from .proxy import Proxy
from .storing import SEVERAL, Storing, sample

_HOST = "s3.localhost.localstack.cloud"


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """All names below the store's are those of this machine."""
    real = socket.getaddrinfo

    def looked_up(host: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - socket's
        ours = isinstance(host, str) and host.endswith(_HOST)
        return real("127.0.0.1" if ours else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


@pytest.mark.usefixtures("resolved")
@pytest.mark.parametrize("size", [1000, SEVERAL], ids=["small", "in-parts"])
def test_bucket_in_the_name_of_the_host(localstack_bucket: Bucket, size: int) -> None:
    with Proxy(localstack_bucket.store.url).running() as proxy:
        url = f"http://{_HOST}:{urlsplit(proxy.url).port}"
        for storing in Storing.over(localstack_bucket, endpoint_url=url, path_style=False):
            archive = sample(size)
            storing.store(archive)
            (stored,) = storing.sink.list()
            with storing.sink.open(stored, 10) as file:
                assert file.read() == archive.content.read(10, size)
            assert storing.holds(archive)
            assert proxy.asked(f"/{archive.key}")
        assert proxy.asked(localstack_bucket.name) == []
