"""Starting and stopping."""

import threading
import time

import httpx
from tests.servers.invenio import SimulatedInvenio

from .conftest import TLS, Caller


def test_it_starts_and_stops_within_milliseconds_and_leaves_nothing() -> None:
    before = threading.active_count()
    began = time.monotonic()
    with SimulatedInvenio() as server, httpx.Client(verify=TLS) as client:
        assert client.get(f"{server.url}/api/records").status_code == 200
        owner = Caller(server, server.token)
        draft = owner.draft()
        owner.store(draft)
        content = server.drafts[draft].files["data.zip"].source
        owner.http.close()
    assert time.monotonic() - began < 1
    assert threading.active_count() == before
    assert content is not None
    assert not content.path.exists()


def test_it_can_be_stopped_without_having_been_started() -> None:
    SimulatedInvenio().stop()


def test_head_has_the_headers_only(owner: Caller) -> None:
    record = owner.published()
    response = owner.call("HEAD", f"/records/{record}/files/data.zip/content")
    assert (response.content, response.headers["content-length"]) == (b"", "5")
