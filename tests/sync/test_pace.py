"""Rates of what is going on: lately and altogether, with stalls, leaps and new beginnings."""

import pytest

from labferry.runtime.rates import WINDOW, RateMeter


def noted(*marks: tuple[float, float]) -> RateMeter:
    pace = RateMeter()
    for now, done in marks:
        pace.note(now, done)
    return pace


def steady(seconds: int, each: float = 100.0, begin: float = 0.0) -> list[tuple[float, float]]:
    return [(begin + n / 10, each * n / 10) for n in range(seconds * 10 + 1)]


def test_what_goes_evenly_has_one_rate() -> None:
    pace = noted(*steady(60))
    assert pace.lately(60, 6000) == pytest.approx(100)
    assert pace.altogether(60, 6000) == pytest.approx(100)


def test_nothing_is_known_in_the_beginning() -> None:
    assert RateMeter().lately(5, 0) is None
    assert noted((0, 0)).lately(0.9, 500) is None
    assert noted((0, 0)).altogether(1, 500) == 500


def test_a_stall_is_seen_within_the_window() -> None:
    pace = noted(*steady(60))
    assert pace.lately(60 + WINDOW / 2, 6000) == pytest.approx(50)
    assert pace.lately(60 + WINDOW, 6000) == 0
    assert pace.altogether(120, 6000) == pytest.approx(50)


def test_after_a_stall_the_rate_is_that_of_what_follows() -> None:
    pace = noted(*steady(10), (300, 1000), *((300 + n, 1000 + 100 * n) for n in range(1, 6)))
    assert pace.lately(305, 1500) == pytest.approx(50, rel=0.05), "half of the window was a stall"
    pace = noted(*steady(10), *((300 + n, 1000 + 100 * n) for n in range(16)))
    assert pace.lately(315, 2500) == pytest.approx(100)


def test_what_was_there_already_is_no_work() -> None:
    """A download that goes on begins where the last one broke off."""
    pace = noted((0, 9_000_000), (1, 9_000_100), (2, 9_000_200))
    assert pace.lately(2, 9_000_200) == pytest.approx(100)


def test_what_begins_anew_is_measured_anew() -> None:
    pace = noted(*steady(20), (21, 0), (22, 10), (23, 20))
    assert pace.lately(23, 20) == pace.altogether(23, 20) == pytest.approx(10)


def test_it_takes_little_memory_however_long_it_goes_on() -> None:
    pace = noted(*steady(3600))
    assert len(pace._marks) < 30
