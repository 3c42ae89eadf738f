"""Trying again: how often, how long to pause, and what ends it. Nothing here waits."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from labferry.runtime.retry import RetryPolicy, retry
from labferry.runtime.stop import Stop
from labferry.sdk import RefusedError, StoppedError, TransientError


class Time(Stop):
    """A stop whose waits only move a clock on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.pauses: list[float] = []

    def wait(self, seconds: float) -> None:
        super().wait(0)
        if seconds:
            self.pauses.append(seconds)
            self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def policy(time: Time) -> RetryPolicy:
    return RetryPolicy(clock=lambda: time.now)


def failing(times: int, *, retry_after: float | None = None) -> Callable[[], str]:
    def outcomes() -> Iterator[Exception | None]:
        for _ in range(times):
            yield TransientError("It is down.", retry_after=retry_after)
        while True:
            yield None

    each = outcomes()

    def act() -> str:
        error = next(each)
        if error is not None:
            raise error
        return "done"

    return act


def test_pauses_grow_and_are_said(
    time: Time, policy: RetryPolicy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert retry(failing(4), time, "nas", policy) == "done"
    assert time.pauses == [1, 2, 4, 8]
    assert caplog.messages[0] == "nas: It is down. Trying again in 1 s."


def test_last_failure_is_raised(time: Time, policy: RetryPolicy) -> None:
    with pytest.raises(TransientError, match="It is down"):
        retry(failing(5), time, "nas", policy)
    assert len(time.pauses) == 4


def test_pauses_grow_up_to_a_bound(time: Time, policy: RetryPolicy) -> None:
    retry(failing(10), time, "nas", replace(policy, tries=None))
    assert time.pauses[-4:] == [60, 60, 60, 60]


def test_wish_of_the_server_counts(time: Time, policy: RetryPolicy) -> None:
    retry(failing(1, retry_after=90), time, "nas", policy)
    assert time.pauses == [90]


def test_wish_of_the_server_counts_up_to_a_bound(time: Time, policy: RetryPolicy) -> None:
    retry(failing(1, retry_after=1e12), time, "nas", policy)
    assert time.pauses == [900]


def test_last_try_is_at_the_end_of_the_runs_time(time: Time, policy: RetryPolicy) -> None:
    short = replace(policy, tries=None, time_left=lambda: 105.0 - time.now)
    with pytest.raises(TransientError):
        retry(failing(9), time, "chem", short)
    assert time.pauses == [1, 2, 2]


def test_wish_of_the_server_counts_up_to_the_end_of_the_run(
    time: Time, policy: RetryPolicy
) -> None:
    short = replace(policy, time_left=lambda: max(0.0, 130.0 - time.now))
    retry(failing(4, retry_after=60), time, "nas", short)
    assert time.pauses == [30, 2, 4, 8]


def test_patience_is_counted_from_the_first_failure(time: Time, policy: RetryPolicy) -> None:
    with pytest.raises(TransientError):
        retry(failing(99), time, "chem", replace(policy, tries=None, patience=300))
    assert sum(time.pauses) == 300


def test_failures_count_from_zero_after_progress(time: Time, policy: RetryPolicy) -> None:
    way = iter(range(1, 100))
    far = 0

    def act() -> None:
        nonlocal far
        far = min(next(way), 7)
        raise TransientError("It broke off.")

    with pytest.raises(TransientError):
        retry(act, time, "nas", policy, reached=lambda: far)
    # Seven tries that came further, then four more that did not.
    assert time.pauses == [1, 1, 1, 1, 1, 1, 1, 2, 4, 8]


def test_coming_as_far_as_before_is_no_progress(time: Time, policy: RetryPolicy) -> None:
    with pytest.raises(TransientError):
        retry(failing(99), time, "nas", policy, reached=lambda: 7)
    assert len(time.pauses) == 4


def test_stop_ends_the_pause(time: Time, policy: RetryPolicy) -> None:
    def act() -> None:
        time.request(15)
        raise TransientError("It is down.")

    with pytest.raises(StoppedError):
        retry(act, time, "nas", policy)


def test_what_will_not_pass_is_not_tried_again(time: Time, policy: RetryPolicy) -> None:
    def act() -> None:
        raise RefusedError("No.")

    with pytest.raises(RefusedError):
        retry(act, time, "nas", policy)
    with pytest.raises(TransientError):
        retry(failing(1), time, "nas", policy, is_hopeless=lambda: True)
    assert time.pauses == []
