"""Limits of the server: room, requests, and the pace that is asked for."""

import time

import httpx
import pytest
from tests.servers.invenio import Answer, Fault, InvenioOptions, RateLimit, Reset

from labferry.sdk import FullError, TransientError
from labferry.testing.samples.content import Content
from labferry_zenodo.limits import RateLimits

from .conftest import StartServer
from .storing import Storing, sample


class LargeArchive:
    """Claims to be large; nobody gets to read it."""

    def __init__(self, size: int) -> None:
        self.small = sample()
        self.size = size

    def __getattr__(self, name: str) -> object:
        return getattr(self.small, name)


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"url": "https://zenodo.org"}, 50_000_000_001),
        ({"url": "https://sandbox.zenodo.org"}, 49_999_999_999),
        ({}, 10_000_000_000),
        ({"quota": "20 GB"}, 20_000_000_000),
        ({"quota": "20 GB", "max_file_size": "15 GB"}, 15_000_000_001),
    ],
)
def test_too_large_archive_is_refused_before_anything_is_asked(
    storing: Storing, settings: dict[str, str], size: int
) -> None:
    storing.changes |= settings
    with pytest.raises(FullError, match=f"{size:,}"):
        storing.store(LargeArchive(size))  # type: ignore[arg-type] # as good as one
    assert storing.server.requests == []


def test_full_quota_is_told_and_nothing_is_lost(start_server: StartServer) -> None:
    storing = Storing(start_server(InvenioOptions(quota=2000)))
    with pytest.raises(FullError, match="quota"):
        storing.store()
    storing.server.options.quota = None
    storing.store()
    storing.assert_whole(sample())


def test_bytes_of_an_aborted_upload_do_not_count_against_the_quota(
    start_server: StartServer,
) -> None:
    storing = Storing(start_server(InvenioOptions(quota=5000)))
    storing.server.faults.add(Fault("upload", Reset(after_effect=True)))
    with pytest.raises(TransientError):
        storing.store()
    storing.store()
    storing.assert_whole(sample())


def test_draft_that_others_filled_has_no_room(storing: Storing) -> None:
    storing.server.faults.add(Fault("register", Reset()))
    with pytest.raises(TransientError):
        storing.store()
    person = storing.server.edit(storing.record().id)
    for number in range(99):
        person.put_file(f"{number}.txt", b"x")
    with pytest.raises(FullError, match="no room"):
        storing.store()
    assert storing.asked("upload") == 0


def test_refused_for_its_frequency_waits_as_long_as_asked(storing: Storing) -> None:
    refusal = Answer(429, b"{}", "application/json", headers=(("Retry-After", "17"),))
    storing.server.faults.add(Fault("mine", refusal))
    with pytest.raises(TransientError) as caught:
        storing.store()
    assert caught.value.retry_after == 17


def test_retry_after_counts_with_429_only(storing: Storing) -> None:
    broken = Answer(503, headers=(("Retry-After", "3600"),))
    storing.server.faults.add(Fault("mine", broken))
    with pytest.raises(TransientError) as caught:
        storing.store()
    assert caught.value.retry_after is None


def test_used_up_limit_is_waited_for_before_the_next_request(storing: Storing) -> None:
    storing.server.options.rate = RateLimit(9, 1.0)
    storing.store()
    assert {each.status for each in storing.server.requests} <= {200, 201}
    storing.assert_whole(sample())


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float, _: str) -> None:
        self.slept.append(seconds)
        self.now += seconds


def headers(remaining: str, seconds: float) -> httpx.Headers:
    date = "Tue, 24 Nov 2026 00:00:00 GMT"
    return httpx.Headers(
        {
            "Date": date,
            "X-RateLimit-Remaining": remaining,
            "X-RateLimit-Reset": str(1795478400 + seconds),
            "Retry-After": "9",
        }
    )


def test_reset_is_read_against_the_servers_own_clock() -> None:
    clock = Clock()
    limits = RateLimits(clock, clock.sleep)
    limits.note(headers("1", 30))
    limits.wait()
    limits.note(headers("0", 30))
    limits.wait()
    limits.wait()
    assert clock.slept == [30]


def test_long_wait_is_left_to_the_core() -> None:
    limits = RateLimits(Clock())
    limits.note(headers("0", 1800))
    with pytest.raises(TransientError) as caught:
        limits.wait()
    assert caught.value.retry_after == 1800


def test_bandwidth_limit_is_kept(storing: Storing) -> None:
    storing.changes["bandwidth_limit"] = "200 kB/s"
    began = time.monotonic()
    storing.store(sample(size=150_000))
    assert time.monotonic() - began > 0.3
    assert Content(150_000, "1").read(0, 150_000) == storing.account.read(sample().key)
