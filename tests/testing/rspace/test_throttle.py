"""Rate limits: the contract's section "429"."""

import pytest

from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    Limit,
    Options,
    Throttling,
)

from .caller import Caller, Clock
from .conftest import Open

STATUS = "/api/v1/status"


def test_off_the_headers_are_constant_and_meaningless(caller: Caller) -> None:
    for _ in range(20):
        headers = caller.get(STATUS).headers
        assert headers["x-rate-limit-limit"] == "10"
        assert headers["x-rate-limit-remaining"] == "10.0"
        assert headers["x-rate-limit-waittimemillis"] == "100"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def small(open_caller: Open, clock: Clock) -> Caller:
    limits = Throttling(quarter_min=Limit(3, 15), min_interval_ms=0)
    return open_caller(Options(clock=clock, throttling=limits))


def test_one_request_less_than_nominal_passes_and_the_bucket_fills_again(
    small: Caller, clock: Clock
) -> None:
    answers = [small.get(STATUS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refused = answers[-1]
    assert refused.json()["internalCode"] == 42901
    assert refused.json()["message"].startswith("Too many requests: please restrict requests")
    assert "retry-after" not in refused.headers
    assert refused.headers["x-rate-limit-waittimemillis"] == "5000"
    assert small.get(STATUS, BOB_KEY).status_code == 200
    clock.now = 5
    assert small.get(STATUS).status_code == 200


def test_headers_for_each_bucket(small: Caller) -> None:
    headers = small.get(STATUS).headers
    assert headers["x-rate-limit-limit"] == "3"
    assert float(headers["x-rate-limit-remaining"]) == 3.0
    assert headers["x-rate-limit-limit-hour"] == "1000"
    assert headers["x-rate-limit-remaining-day"] == "5000"
    for name in ("quarter_min", "hour", "day"):
        assert f"x-rate-limit-waittimetillnextrequestmillis-{name}" in headers
    assert headers["x-rate-limit-minwaitintervalmillis"] == "0"


def test_it_runs_before_authentication(small: Caller) -> None:
    unknown = "unknownUnknownUnk"
    assert [small.get(STATUS, unknown).status_code for _ in range(3)] == [401, 401, 429]


def test_all_users_together_have_a_limit_too(open_caller: Open, clock: Clock) -> None:
    limits = Throttling(everybody=Limit(2, 15), min_interval_ms=0)
    caller = open_caller(Options(clock=clock, throttling=limits))
    assert caller.get(STATUS).status_code == 200
    assert caller.get(STATUS, BOB_KEY).status_code == 429


def test_too_frequent(open_caller: Open, clock: Clock) -> None:
    caller = open_caller(Options(clock=clock, throttling=Throttling(min_interval_ms=50)))
    assert caller.get(STATUS).status_code == 200
    clock.now = 0.01
    refused = caller.get(STATUS)
    assert refused.status_code == 429
    assert refused.json()["message"].startswith("Requests were too frequent - please allow")


def test_the_inventory_has_its_own_bucket_and_headers(open_caller: Open, clock: Clock) -> None:
    limits = Throttling(inventory_hour=Limit(2, 3600))
    caller = open_caller(Options(clock=clock, throttling=limits))
    answers = [caller.client(ALICE_KEY).post("/api/inventory/v1/export") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [422, 429]
    assert answers[0].headers["x-rate-limit-limit-inv-hour"] == "2"
    assert answers[1].headers["x-rate-limit-waittimemillis"] == "1800000"
    assert caller.get(STATUS).status_code == 200
