"""Polling follows the percentage, and is never faster than it was told to be."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labferry.sdk import JobState, JobStatus
from labferry.testing.rspace import JobTiming, Options, Record, SimulatedRSpace, default_world
from labferry_rspace import RSpaceSource
from labferry_rspace.poll_pace import Pace

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]


def running(percent: float | None, wait: float = 0.0, job: str = "23") -> JobStatus:
    return JobStatus(job, "", JobState.RUNNING, percent=percent, wait=wait)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_half_of_what_is_left_is_waited_for(clock: Clock) -> None:
    pace = Pace(60, clock)
    assert pace.paced(running(10)).wait == 0
    clock.now = 600
    # 20 % took 600 s: 60 % will take 1800 s.
    assert pace.paced(running(30)).wait == 600
    clock.now = 1200
    # 5 % at the end would be waited for in less than an interval.
    assert pace.paced(running(85)).wait == 0
    pace = Pace(10, clock)
    pace.paced(running(10))
    clock.now += 20
    assert pace.paced(running(30)).wait == 30


def test_a_wait_is_at_most_ten_intervals_and_ten_minutes(clock: Clock) -> None:
    for interval, most in ((5, 50), (300, 600), (900, 0)):
        pace = Pace(interval, clock)
        pace.paced(running(1))
        clock.now += 10_000
        assert pace.paced(running(2)).wait == most


@pytest.mark.parametrize("percent", [None, 50, 40, 90, 91.3, 100])
def test_trap_5_a_percentage_that_tells_nothing_changes_nothing(
    clock: Clock, percent: float | None
) -> None:
    """It begins above 0, may stand still or fall, and reads 91 or 100 while the work goes on."""
    pace = Pace(1, clock)
    pace.paced(running(50))
    clock.now = 1000
    assert pace.paced(running(percent)) == running(percent)


def test_jobs_are_told_apart_and_forgotten_when_they_end(clock: Clock) -> None:
    pace = Pace(1, clock)
    pace.paced(running(10))
    clock.now = 100
    assert pace.paced(running(50, job="24")).wait == 0
    assert pace.paced(running(50)).wait == 10
    over = JobStatus("23", "", JobState.COMPLETED, percent=100)
    assert pace.paced(over) is over
    clock.now = 200
    assert pace.paced(running(60)).wait == 0


@given(
    interval=st.floats(0.1, 10_000),
    asked=st.floats(0, 86_400),
    percents=st.lists(st.none() | st.floats(0, 100), max_size=6),
    step=st.floats(0, 10_000),
)
def test_the_servers_own_wait_is_never_shortened(
    interval: float, asked: float, percents: list[float | None], step: float
) -> None:
    clock = Clock()
    pace = Pace(interval, clock)
    for percent in percents:
        clock.now += step
        status = pace.paced(running(percent, asked))
        assert status.wait >= asked
        assert status.wait <= max(asked, 600)
        assert (status.state, status.percent) == (JobState.RUNNING, percent)


def test_a_long_job_is_polled_less_often(serve: Serve, connect: Connect) -> None:
    now = Clock()
    world = default_world()
    world.add(*(Record(1000 + n, f"Note {n}", "alice") for n in range(60)))
    server = serve(Options(timing=JobTiming(queue=0, run=4000), clock=now), world=world)
    source = connect(server, poll_interval="20s")
    source._session.pace = Pace(20, now)
    (lane,) = source.lanes()
    status = source.submit(source.plan([lane])[0], lane)
    polls, waits = 0, []
    while status.state is JobState.RUNNING:
        waits.append(max(status.wait, 20))
        now.now += waits[-1]
        status = source.poll(status.job, status.link, lane)
        polls += 1
    assert status.state is JobState.COMPLETED
    assert min(waits) == 20
    assert max(waits) == 200
    assert polls < 4000 / 20 / 2
