"""Killed at every step and at random instants: one more run, and everything is as it must be."""

import random
from collections.abc import Callable

import pytest
from tests.speed import first_quick

from .checks import check_settled, check_told
from .conftest import Count, OpenLab
from .harness import IN_THE_DOWNLOAD, SIZE, Lab, Outcome

pytestmark = pytest.mark.slow

_SHARDS = 8
_RANDOM = 304
_CHOSEN_OVER_THE_NETWORK = 32
_RANDOM_OVER_THE_NETWORK = 28
_PARTS = 4
_STORING = ("destination", "sftp", "fsspecIO")


def _fresh(lab: Lab) -> None:
    """Nothing was done before."""


def _interrupted(lab: Lab) -> None:
    """An earlier run was killed in the middle of the download."""
    assert lab.sync(at=IN_THE_DOWNLOAD).was_killed
    assert 0 < next(lab.spool.iterdir()).stat().st_size < SIZE


def _left_over(lab: Lab) -> None:
    """An earlier run ended, but one destination was not there."""
    usb = lab.targets["usb"].folder
    usb.rename(usb.with_name("unplugged"))
    assert lab.sync().code == 3
    usb.with_name("unplugged").rename(usb)


@pytest.mark.parametrize("shard", first_quick(range(_SHARDS)))
@pytest.mark.parametrize("before", first_quick([_fresh, _interrupted, _left_over]))
def test_killed_at_every_step(
    open_lab: OpenLab, count: Count, before: Callable[[Lab], None], shard: int
) -> None:
    lab = open_lab()
    before(lab)
    counted = lab.sync(count=True)
    check_settled(lab, counted)
    for thread, number, _ in counted.steps:
        if number % _SHARDS == shard:
            _kill_at_a_step("local", open_lab, count, before, thread, number)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_killed_at_steps_that_a_network_takes(
    open_lab: OpenLab, count: Count, kind: str, part: int
) -> None:
    _kill_at_steps(kind, open_lab, count, part)


@pytest.mark.xdist_group("proftpd")
@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_killed_at_steps_that_another_sftp_server_takes(
    open_lab: OpenLab, count: Count, part: int
) -> None:
    _kill_at_steps("proftpd", open_lab, count, part)


def _kill_at_steps(kind: str, open_lab: OpenLab, count: Count, part: int) -> None:
    """Steps of the threads that store; they come in another order each time."""
    lab = open_lab(kind=kind)
    counted = lab.sync(count=True)
    check_settled(lab, counted)
    storing = [step[:2] for step in counted.steps if step[0].startswith(_STORING)]
    luck = random.Random(part)  # noqa: S311 - seeded, to be the same each time
    for thread, number in luck.sample(storing, _CHOSEN_OVER_THE_NETWORK // _PARTS):
        _kill_at_a_step(kind, open_lab, count, _fresh, thread, number)


def _kill_at_a_step(
    kind: str,
    open_lab: OpenLab,
    count: Count,
    before: Callable[[Lab], None],
    thread: str,
    number: int,
) -> None:
    lab = open_lab(kind=kind)
    before(lab)
    killed = lab.sync(at=(lab.thread(thread), number))
    check_told(killed)
    count(f"points killed, chosen, {kind}", killed.was_killed)
    again = lab.sync()
    assert again.code == 0, (thread, number, again.stderr)
    # The run before may have lost one export to its kill, and this one another.
    count("archives checked", check_settled(lab, again, orphans=1))


@pytest.mark.parametrize("shard", first_quick(range(_SHARDS)))
@pytest.mark.parametrize("presigned", first_quick([False, True]))
def test_killed_at_random_instants(
    open_lab: OpenLab, count: Count, shard: int, *, presigned: bool
) -> None:
    luck = random.Random(f"{shard} {presigned}")  # noqa: S311 - seeded, to be the same each time
    hits = 0
    while hits < _RANDOM // _SHARDS // 2:
        hits += _kill_at_random("local", open_lab, count, luck, presigned=presigned)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_killed_at_random_instants_over_a_network(
    open_lab: OpenLab, count: Count, kind: str, part: int
) -> None:
    luck = random.Random(f"{kind} {part}")  # noqa: S311 - seeded, to be the same each time
    hits = 0
    while hits < _RANDOM_OVER_THE_NETWORK // _PARTS:
        hits += _kill_at_random(kind, open_lab, count, luck, presigned=True)


def _kill_at_random(
    kind: str, open_lab: OpenLab, count: Count, luck: random.Random, *, presigned: bool
) -> int:
    """How many of one, two or three runs in a row were killed before one more did all."""
    lab = open_lab(kind=kind)
    lab.server.options.presigned = presigned
    in_a_row = luck.choice((1, 1, 2, 3))
    kills = sum(_killed(lab, luck).was_killed for _ in range(in_a_row))
    again = lab.sync()
    assert again.code == 0, again.stderr
    count(f"points killed, at random, {kind}", kills)
    count("archives checked", check_settled(lab, again, orphans=kills))
    return kills


def _killed(lab: Lab, luck: random.Random) -> Outcome:
    killed = lab.sync(kill_after=luck.uniform(0.005, lab.targets["nas"].longest))
    check_told(killed)
    return killed
