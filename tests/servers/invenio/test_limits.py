"""Rate limits and the headers about them."""

import pytest
from tests.servers.invenio import RateLimit

from .conftest import Another, Caller, Open


def test_every_answer_shows_the_limit_and_retry_after(owner: Caller) -> None:
    for path in ("/user/records", "/records/nowhere", "/nothing"):
        headers = owner.get(path).headers
        assert headers["x-ratelimit-limit"] == "5000"
        assert int(headers["x-ratelimit-remaining"]) < 5000
        assert int(headers["x-ratelimit-reset"]) > 1_700_000_000
        assert int(headers["retry-after"]) > 3000


def test_too_many_requests_are_429_until_the_window_ends(
    open_server: Open, as_somebody: Another
) -> None:
    now = [1000.0]
    owner = open_server(rate=RateLimit(2, 60), clock=lambda: now[0])
    assert [owner.get("/user/records").status_code for _ in range(3)] == [200, 200, 429]
    refused = owner.get("/user/records")
    assert refused.json()["status"] == 429
    assert (refused.headers["retry-after"], refused.headers["x-ratelimit-remaining"]) == ("60", "0")
    assert refused.headers["x-ratelimit-reset"] == "1060"
    assert as_somebody(owner, None).get("/records").status_code == 200
    now[0] += 60
    assert owner.get("/user/records").status_code == 200


@pytest.mark.parametrize("path", ["/records", "/user/records"])
def test_searches_may_have_a_limit_of_their_own(open_server: Open, path: str) -> None:
    owner = open_server(search_rate=RateLimit(1, 60))
    assert [owner.get(path).status_code for _ in range(2)] == [200, 429]
    owner.draft()
