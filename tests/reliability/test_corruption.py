"""Damaged on the way or at the destination: refused, and never visible under its final name."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.speed import first_quick

from labferry.testing.rspace import (
    Act,
    BitFlip,
    ExtraBytes,
    Fault,
    Stall,
    Truncate,
    WrongLength,
)

from .checks import check_archives, check_settled, check_told
from .conftest import Count, OpenLab
from .harness import IN_THE_DOWNLOAD, SIZE, Lab

pytestmark = pytest.mark.slow

_PACKET = 65536
_PLACES = (0, 1, _PACKET - 1, _PACKET, _PACKET + 1, SIZE // 2, SIZE - 2, SIZE - 1)
_ACTS: dict[str, Act] = {
    **{f"cut after {at} bytes": Truncate(at) for at in _PLACES},
    **{f"cut after {at} bytes, with a reset": Truncate(at, reset=True) for at in _PLACES},
    **{f"short by {SIZE - at} bytes, as announced": Truncate(at, honest=True) for at in _PLACES},
    **{f"bit {at % 8} of byte {at} flipped": BitFlip(at, at % 8) for at in _PLACES},
    "one byte more": ExtraBytes(),
    "a packet more": ExtraBytes(b"\0" * _PACKET),
    "Content-Length too large": WrongLength(1),
    "Content-Length too small": WrongLength(-1),
    "Content-Length of nothing": WrongLength(-SIZE),
    **{f"silence after {at} bytes": Stall(after_bytes=at) for at in (0, _PACKET, SIZE - 1)},
}


@pytest.mark.parametrize("presigned", first_quick([False, True]))
@pytest.mark.parametrize("what", sorted(_ACTS))
def test_a_download_is_damaged_once(
    open_lab: OpenLab, count: Count, what: str, *, presigned: bool
) -> None:
    lab = open_lab(settings='read_timeout = "400ms"' if "silence" in what else "")
    lab.server.options.presigned = presigned
    lab.server.faults.add(Fault("download", _ACTS[what]))
    outcome = lab.sync()
    assert lab.server.faults.unfired() == []
    count("corruptions", 1)
    # The same run downloads again, without asking for another export.
    count("archives checked", check_settled(lab, outcome, orphans=0))
    assert len(lab.server.exports) == 1


@pytest.mark.parametrize("what", first_quick(w for w in sorted(_ACTS) if "silence" not in w))
def test_a_download_is_damaged_for_ever(open_lab: OpenLab, count: Count, what: str) -> None:
    lab = open_lab()
    lab.server.faults.add(Fault("download", _ACTS[what], times=None))
    outcome = lab.sync(speed=50)
    assert outcome.code in {1, 4}, outcome.stderr
    check_told(outcome)
    assert check_archives(lab) == 0
    assert len([r for r in lab.server.requests if r.kind == "download"]) < 20
    lab.server.faults.clear()
    count("corruptions", 1)
    count("archives checked", check_settled(lab, lab.sync()))


@pytest.mark.slow
@pytest.mark.parametrize("what", ["cut after 65536 bytes", "bit 0 of byte 0 flipped"])
def test_a_download_is_damaged_for_ever_before_a_network(
    open_lab: OpenLab, count: Count, kind: str, what: str
) -> None:
    """Nothing of it can be seen; what was sent is kept for a next attempt, out of sight."""
    lab = open_lab(kind=kind)
    lab.server.faults.add(Fault("download", _ACTS[what], times=None))
    outcome = lab.sync(speed=50)
    assert outcome.code in {1, 4}, outcome.stderr
    check_told(outcome)
    assert [target.objects() for target in lab.targets.values()] == [{}, {}]
    count("corruptions", 1)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _extend(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _remove(path: Path) -> None:
    path.unlink()


_DAMAGES: tuple[Callable[[Path], None], ...] = (_flip, _cut, _extend, _remove)


@pytest.mark.parametrize("damage", _DAMAGES)
def test_the_spool_is_damaged_between_two_runs(
    open_lab: OpenLab, count: Count, damage: Callable[[Path], None]
) -> None:
    """A verified archive waits in the spool for a destination: its bytes are not trusted."""
    lab = open_lab()
    usb = lab.targets["usb"].folder
    usb.rename(usb.with_name("unplugged"))
    assert lab.sync().code == 3
    usb.with_name("unplugged").rename(usb)
    damage(next(lab.spool.iterdir()))
    count("corruptions", 1)
    count("archives checked", check_settled(lab, lab.sync(), orphans=0))


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_partial_download_is_damaged_between_two_runs(
    open_lab: OpenLab, count: Count, damage: Callable[[Path], None]
) -> None:
    lab = _killed_in_the_download(open_lab)
    damage(next(lab.spool.iterdir()))
    count("corruptions", 1)
    count("archives checked", check_settled(lab, lab.sync(), orphans=0))


def _killed_in_the_download(open_lab: OpenLab) -> Lab:
    lab = open_lab()
    lab.server.options.presigned = True
    assert lab.sync(at=IN_THE_DOWNLOAD).was_killed
    assert next(lab.spool.iterdir()).stat().st_size > 0
    return lab


def test_a_destination_hands_back_other_bytes(open_lab: OpenLab, count: Count) -> None:
    lab = open_lab()
    outcome = lab.sync(read_back="nas")
    assert outcome.code == 4, outcome.stderr
    check_told(outcome)
    assert re.search("nas.*does not hold what was written", outcome.stderr)
    assert lab.targets["nas"].objects() == {}
    assert lab.targets["nas"].leftovers() == []
    assert len(lab.targets["usb"].objects()) == 2
    count("corruptions", 1)
    count("archives checked", check_settled(lab, lab.sync(), orphans=0))
