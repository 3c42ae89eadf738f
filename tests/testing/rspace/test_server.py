"""Starting, stopping, TLS and the request log."""

import ssl
import threading
import time

import httpx
import pytest
import trustme

from labferry.testing.rspace import ALICE_KEY, Options, SimulatedRSpace

from .caller import Caller, enclosure


def test_it_starts_and_stops_within_milliseconds_and_leaves_no_thread() -> None:
    before = threading.active_count()
    began = time.monotonic()
    with SimulatedRSpace() as server, httpx.Client(headers={"apiKey": ALICE_KEY}) as client:
        assert client.get(f"{server.url}/api/v1/status").status_code == 200
        assert server.url != server.presigned_url
    assert time.monotonic() - began < 1
    assert threading.active_count() == before


def test_it_can_be_stopped_without_having_been_started() -> None:
    SimulatedRSpace().stop()


def test_a_connection_is_kept_for_many_requests(caller: Caller) -> None:
    with caller.client() as client:
        for _ in range(3):
            response = client.get("/api/v1/status")
            assert response.http_version == "HTTP/1.1"
            assert response.headers.get("connection", "").lower() != "close"


@pytest.mark.parametrize("presigned", [False, True])
def test_both_origins_over_tls(*, presigned: bool) -> None:
    authority = trustme.CA()
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with SimulatedRSpace(options=Options(tls=served, presigned=presigned)) as server:
        assert server.url.startswith("https://")
        caller = Caller(server)
        with httpx.Client(
            base_url=server.url, headers={"apiKey": ALICE_KEY}, verify=trusting
        ) as client:
            job = client.post("/api/v1/export/xml/user").json()["_links"][0]["link"]
            while (shown := client.get(job).json())["status"] != "COMPLETED":
                time.sleep(0.01)
            assert client.get(enclosure(shown)).content == caller.server.exports[0].content()
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{server.url}/api/v1/status")
        assert server.errors == []


def test_the_log_has_everything_about_a_request(caller: Caller) -> None:
    caller.post("xml/selection", data={"selections": "203"}, params={"maxLinkLevel": 0})
    (entry,) = caller.server.requests
    assert (entry.origin, entry.kind, entry.method) == ("api", "submit", "POST")
    assert (entry.path, entry.query) == ("/api/v1/export/xml/selection", "maxLinkLevel=0")
    assert (entry.user, entry.status, entry.body_size) == ("alice", 202, len("selections=203"))
    assert entry.headers["apikey"] == ALICE_KEY
    assert entry.carries(ALICE_KEY)
    (export,) = caller.server.exports
    assert (export.user, export.job_id, export.records) == ("alice", 23, (203,))
