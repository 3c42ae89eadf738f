"""Killed at every step and at random instants: one more run, and everything is as it must be."""

import random
from collections.abc import Callable

import pytest

from .checks import check_settled, check_told
from .conftest import Count, OpenLab
from .harness import IN_THE_DOWNLOAD, SIZE, Lab, Outcome

_SHARDS = 8
_RANDOM = 304
_LONGEST = 0.25
"""Seconds that a run takes, about: the random kills hit anywhere within."""


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


@pytest.mark.parametrize("shard", range(_SHARDS))
@pytest.mark.parametrize("before", [_fresh, _interrupted, _left_over])
def test_killed_at_every_step(
    open_lab: OpenLab, count: Count, kind: str, before: Callable[[Lab], None], shard: int
) -> None:
    lab = open_lab(kind=kind)
    before(lab)
    counted = lab.sync(count=True)
    check_settled(lab, counted)
    for thread, number in _points(counted, shard):
        lab = open_lab(kind=kind)
        before(lab)
        killed = lab.sync(at=(lab.thread(thread), number))
        check_told(killed)
        count("points killed, chosen", killed.was_killed)
        again = lab.sync()
        assert again.code == 0, (thread, number, again.stderr)
        # The run before may have lost one export to its kill, and this one another.
        count("archives checked", check_settled(lab, again, orphans=1))


def _points(counted: Outcome, shard: int) -> list[tuple[str, int]]:
    return [(thread, number) for thread, number, _ in counted.steps if number % _SHARDS == shard]


@pytest.mark.parametrize("shard", range(_SHARDS))
@pytest.mark.parametrize("presigned", [False, True])
def test_killed_at_random_instants(
    open_lab: OpenLab, count: Count, kind: str, shard: int, *, presigned: bool
) -> None:
    luck = random.Random(f"{shard} {presigned}")  # noqa: S311 - seeded, to be the same each time
    hits = 0
    while hits < _RANDOM // _SHARDS // 2:
        lab = open_lab(kind=kind)
        lab.server.options.presigned = presigned
        in_a_row = luck.choice((1, 1, 2, 3))
        kills = sum(_killed(lab, luck).was_killed for _ in range(in_a_row))
        hits += kills
        again = lab.sync()
        assert again.code == 0, again.stderr
        count("points killed, at random", kills)
        count("archives checked", check_settled(lab, again, orphans=kills))


def _killed(lab: Lab, luck: random.Random) -> Outcome:
    killed = lab.sync(kill_after=luck.uniform(0.005, _LONGEST))
    check_told(killed)
    return killed
