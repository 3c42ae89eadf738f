"""Every request and every write fails once: a clear message, and one more run puts all right."""

import itertools
from collections.abc import Iterator

import pytest
from tests.speed import first_quick

from labferry.testing.rspace import (
    Act,
    Fault,
    On,
    Reset,
    Stall,
    Truncate,
    html_answer,
    json_answer,
)

from .checks import check_settled, check_told
from .conftest import Count, OpenLab
from .harness import SIZE, Outcome

pytestmark = pytest.mark.slow

_SHARDS = 4
_EVERY = 8
_SLOW = 0.6
"""Seconds that a job takes which is to be asked for more than once."""
_IMPATIENT = 'read_timeout = "400ms"\nsubmit_timeout = "400ms"\nconnect_timeout = "400ms"'
_REQUESTS: tuple[tuple[On, int], ...] = (
    ("submit", 1),
    ("whoami", 1),
    ("poll", 1),
    ("poll", 2),
    ("download", 1),
)
_ANY: dict[str, Act] = {
    "reset before the effect": Reset(),
    "reset after the effect": Reset(after_effect=True),
    "time-out before the effect": Stall(),
    "time-out after the effect": Stall(after_effect=True),
    "500 as RSpace says it": json_answer(500, 50001, "Internal error"),
    **{f"{code} of a proxy": html_answer(code) for code in (500, 502, 503, 504)},
    **{f"{code}, too late": html_answer(code, after_effect=True) for code in (502, 504)},
    "a login page": html_answer(200),
    "cut in the middle": Truncate(40),
    "cut in the middle, with a reset": Truncate(40, reset=True),
}
_EXPECTED = {0, 1, 3, 4, 75}


@pytest.mark.parametrize("presigned", first_quick([False, True]))
@pytest.mark.parametrize("what", sorted(_ANY))
@pytest.mark.parametrize(("on", "nth"), first_quick(_REQUESTS))
def test_a_request_fails_once(
    open_lab: OpenLab, count: Count, on: On, nth: int, what: str, *, presigned: bool
) -> None:
    lab = open_lab(settings=_IMPATIENT if isinstance(_ANY[what], Stall) else "")
    lab.server.options.presigned = presigned
    lab.server.options.timing.run = _SLOW if nth > 1 else lab.server.options.timing.run
    lab.server.faults.add(Fault(on, _ANY[what], nth=nth))
    faulty = lab.sync()
    assert faulty.code in _EXPECTED
    check_told(faulty)
    assert lab.server.faults.unfired() == []
    lab.settings = ""
    lab.configure()
    count("faults injected, requests", 1)
    count("archives checked", check_settled(lab, lab.sync()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "shard"),
    # Every step with the likeliest one; with each of the others, half of them.
    [
        *(("ENOSPC", n) for n in range(4)),
        *(("EIO", n) for n in (0, 2)),
        *(("EACCES", n) for n in (1, 3)),
    ],
)
def test_a_step_on_disk_fails_once(open_lab: OpenLab, count: Count, fault: str, shard: int) -> None:
    counted = open_lab().sync(count=True)
    assert counted.code == 0
    for thread, number in _on_disk(counted, shard):
        _fail_at_a_step("local", fault, open_lab, count, thread, number)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
def test_a_step_on_disk_fails_once_while_a_network_is_used(
    open_lab: OpenLab, count: Count, kind: str, fault: str
) -> None:
    """Steps of the threads that store: what they note of how far they are, and the spool."""
    counted = open_lab(kind=kind).sync(count=True)
    assert counted.code == 0
    steps = [step for step in _on_disk(counted) if step[0].startswith("destination")]
    for thread, number in steps[::_EVERY]:
        _fail_at_a_step(kind, fault, open_lab, count, thread, number)


def _fail_at_a_step(
    kind: str, fault: str, open_lab: OpenLab, count: Count, thread: str, number: int
) -> None:
    lab = open_lab(kind=kind)
    faulty = lab.sync(at=(lab.thread(thread), number), fault=fault)
    if not faulty.fired:
        # A poll more or less, or the other destination came last and emptied the spool.
        assert faulty.step(lab.thread(thread), number).partition(".")[0] in {"", "socket"}
        return
    assert faulty.code in _EXPECTED | {5, 11}, (thread, number, faulty.fired, faulty.stderr)
    check_told(faulty)
    count(f"faults injected, disk, {kind}", 1)
    again = lab.sync()
    assert again.code == 0, (thread, number, faulty.fired, faulty.stderr, again.stderr)
    count("archives checked", check_settled(lab, again))


def _on_disk(counted: Outcome, shard: int | None = None) -> Iterator[tuple[str, int]]:
    for thread, number, what in counted.steps:
        mine = shard is None or number % _SHARDS == shard
        if mine and not what.startswith(("socket", "ssl")):
            yield thread, number


def test_the_spool_takes_less_than_it_was_given(open_lab: OpenLab, count: Count) -> None:
    for number in itertools.count(1):
        lab = open_lab()
        outcome = lab.sync(short=number)
        count("archives checked", check_settled(lab, outcome, orphans=0))
        if not outcome.fired:
            break
        count("faults injected, disk, local", 1)
    assert number > SIZE // 65536
