"""A notebook server that sends one byte now and then holds up neither other sources nor the run."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.lab import PATIENCE, Lab, LabInProcess, environment
from tests.speed import first_quick

from labferry.sdk import http_wire
from labferry.testing.http.damage import Slow
from labferry.testing.rspace import SimulatedRSpace
from labferry.testing.rspace.faults import Fault, On

TRICKLE = Slow(2)
"""One byte every half second."""

PLACES: tuple[On, ...] = ("any", "submit", "poll", "download")


@pytest.fixture
def servers() -> Iterator[tuple[SimulatedRSpace, SimulatedRSpace]]:
    """One that is about to trickle, and a good one."""
    with ExitStack() as stack:
        started = [SimulatedRSpace().start() for _ in range(2)]
        for each in started:
            stack.callback(each.stop)
        yield started[0], started[1]


def configure(lab: Lab, slow: SimulatedRSpace, good: SimulatedRSpace, **top: str) -> None:
    common = {"type": "rspace", "scope": "user", "poll_interval": "50ms", "read_timeout": "1s"}
    key = {"env": "ALICE_KEY"}
    lab.write(
        {
            "chem": {**common, "url": slow.url, "api_key": key, "submit_timeout": "1s"},
            "bio": {**common, "url": good.url, "api_key": key},
        },
        **top,
    )


def stored(lab: Lab) -> set[str]:
    return {Path(name).parts[0] for name in lab.files() if name.endswith(".manifest.json")}


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.parametrize("place", first_quick(PLACES))
def test_run_ends_soon_after_its_time_and_the_other_source_is_stored(
    place: On,
    servers: tuple[SimulatedRSpace, SimulatedRSpace],
    tmp_path: Path,
    bytecode: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_wire, "WINDOW", 1.0)
    slow, good = servers
    slow.faults.add(Fault(place, TRICKLE, times=None))
    lab = LabInProcess(tmp_path, environment(tmp_path / "home", bytecode))
    configure(lab, slow, good, max_wait="2s")
    began = time.monotonic()
    done = lab.run("sync")
    assert time.monotonic() - began < PATIENCE
    assert stored(lab) == {"bio"}
    assert done.code == (3 if place == "any" else 75)  # of an export, the next run goes on
    assert "chem" in done.err
    slow.faults.clear()
    assert lab.run("sync").code == 0
    assert stored(lab) == {"bio", "chem"}


@pytest.mark.parametrize("place", first_quick(PLACES))
def test_signal_ends_the_run_at_once_and_the_next_one_goes_on(
    place: On,
    servers: tuple[SimulatedRSpace, SimulatedRSpace],
    tmp_path: Path,
    bytecode: Path,
) -> None:
    slow, good = servers
    fault = slow.faults.add(Fault(place, TRICKLE, times=None))
    lab = Lab(tmp_path, environment(tmp_path / "home", bytecode))
    configure(lab, slow, good)
    process = lab.start("sync")
    try:
        # A destination waits a minute for an archive that comes on slowly, before others go first.
        awaited = set() if place == "download" else {"bio"}
        until(lambda: fault.fired > 0 and awaited <= stored(lab))
        done = lab.end(process, signal.SIGTERM)
    finally:
        process.kill()
        process.communicate()
    assert done.code == 143
    assert done.seconds < PATIENCE / 2
    slow.faults.clear()
    assert lab.run("sync").code == 0
    assert stored(lab) == {"bio", "chem"}
