"""A plan that can't fit the server's daily budget is said in advance."""

from collections.abc import Callable

import httpx
import pytest

from labferry.sdk import Severity
from labferry.testing.rspace import (
    SYSADMIN_KEY,
    Limit,
    Options,
    SimulatedRSpace,
    Throttling,
    User,
    default_world,
)
from labferry_rspace import RSpaceSource
from labferry_rspace.budget import Budget, shortage

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]


def limited(serve: Serve, requests: int, users: int = 0) -> SimulatedRSpace:
    limits = Throttling(
        quarter_min=Limit(10_000, 15),
        hour=Limit(10_000, 3600),
        day=Limit(requests, 86400),
        everybody=Limit(10_000, 15),
        min_interval_ms=0,
    )
    world = default_world()
    world.users += [User(1000 + n, f"user{n}", f"{n:020d}") for n in range(users)]
    return serve(Options(throttling=limits), world=world)


def test_a_plan_that_can_not_fit_is_warned_about_before_it_begins(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    source = connect(limited(serve, 100, users=93), SYSADMIN_KEY, scope="all-users")
    assert len(source.plan(source.lanes())) == 100
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    told = warning.getMessage()
    assert "Source lab: 100 exports take at least 400 requests" in told
    assert "allows 100 a day" in told
    assert "about 4 days" in told


def test_check_finds_it_too(serve: Serve, connect: Connect) -> None:
    source = connect(limited(serve, 20), SYSADMIN_KEY, scope="all-users")
    (finding,) = [found for found in source.check() if found.severity is Severity.WARNING]
    assert "7 exports take at least 28 requests" in finding.message


def test_a_plan_that_fits_needs_no_words(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    source = connect(limited(serve, 5000), SYSADMIN_KEY, scope="all-users")
    source.plan(source.lanes())
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    assert not [found for found in source.check() if found.severity is Severity.WARNING]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Rate-Limit-Limit": "10", "X-Rate-Limit-Remaining": "10.0"},
        {"X-Rate-Limit-Limit-day": "10", "X-Rate-Limit-Remaining-day": "10.0"},
        {"X-Rate-Limit-Limit-day": "5000"},
        {"X-Rate-Limit-Limit-day": "many", "X-Rate-Limit-Remaining-day": "nan"},
    ],
)
def test_the_constant_headers_of_a_server_without_throttling_mean_no_limit(
    headers: dict[str, str],
) -> None:
    assert Budget.of(httpx.Headers(headers)) is None


def test_a_server_without_throttling_allows_any_plan(
    server: SimulatedRSpace, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    source = connect(server, SYSADMIN_KEY, scope="all-users")
    source.plan(source.lanes())
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_keys_share_the_work() -> None:
    budget = Budget(5000, 4999.5)
    assert shortage(1250, [budget]) != ""
    assert shortage(1249, [budget]) == ""
    assert shortage(2400, [budget, budget]) == ""
    assert "these 2 keys" in shortage(2600, [budget, budget])
    assert shortage(2600, [budget, None]) == ""
    assert shortage(2600, []) == ""


def test_what_is_left_today_counts_and_not_only_the_limit() -> None:
    told = shortage(100, [Budget(5000, 20.7)])
    assert "20 are left now" in told
    assert "about 2 days" in told
