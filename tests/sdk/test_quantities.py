"""Sizes and rates as people write them, and keeping to a rate."""

import pytest
from pydantic import TypeAdapter, ValidationError

from labferry.sdk import GIB, MIB, Pacer, Rate, Size

_SIZE = TypeAdapter[int](Size)
_RATE = TypeAdapter[int](Rate)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16 MiB", 16 * MIB),
        ("5.5MiB", 5_767_168),
        ("8 MB", 8_000_000),
        ("1.5 GB", 1_500_000_000),
        (" 2 gib ", 2 * GIB),
        ("200 GB", 200_000_000_000),
        ("512 kB", 512_000),
        ("512 KiB", 524_288),
        ("3 T", None),
        ("8388608", 8 * MIB),
        ("7 B", 7),
        (7, 7),
    ],
)
def test_a_size_is_a_number_and_a_unit(text: str | int, size: int | None) -> None:
    if size is None:
        with pytest.raises(ValidationError, match="16 MiB"):
            _SIZE.validate_python(text)
    else:
        assert _SIZE.validate_python(text) == size


@pytest.mark.parametrize("value", ["", "many", "-1 MB", "1,5 GB", "1 MB/s", True, 1.5, None, []])
def test_anything_else_is_no_size(value: object) -> None:
    with pytest.raises(ValidationError, match="a size with its unit"):
        _SIZE.validate_python(value)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20 MB/s", 20_000_000),
        ("1.5 MiB", 1_572_864),
        ("500kb/s", 500_000),
        ("1 GiB/s", GIB),
        ("2048", 2048),
        (2048, 2048),
    ],
)
def test_a_rate_is_a_size_each_second(text: str | int, rate: int) -> None:
    assert _RATE.validate_python(text) == rate


@pytest.mark.parametrize("value", ["fast", "0 MB/s", "-1 MB/s", "20 MB/h", True, 0, None])
def test_anything_else_is_no_rate(value: object) -> None:
    with pytest.raises(ValidationError, match="20 MB/s"):
        _RATE.validate_python(value)


def test_what_was_written_is_read_again() -> None:
    assert _SIZE.validate_python(_SIZE.dump_python(16 * MIB)) == 16 * MIB
    assert _RATE.validate_python(_RATE.dump_python(20_000_000)) == 20_000_000


class _Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds
        self.slept += seconds


def test_a_pacer_keeps_to_the_rate() -> None:
    time = _Time()
    pacer = Pacer(100, lambda: time.now, time.sleep)
    for _ in range(11):
        pacer.take(100)
    assert 9.5 <= time.now <= 10.0


def test_a_pacer_saves_nothing_up() -> None:
    time = _Time()
    pacer = Pacer(100, lambda: time.now, time.sleep)
    pacer.take(100)
    time.now += 1000
    for _ in range(3):
        pacer.take(100)
    assert 1.5 <= time.slept <= 2.0


@pytest.mark.parametrize(("rate", "piece"), [(None, MIB), (8000, 1024), (MIB, MIB // 8)])
def test_a_piece_is_waited_for_a_moment_only(rate: int | None, piece: int) -> None:
    assert Pacer(rate).piece == piece


def test_a_pacer_without_a_rate_never_waits() -> None:
    time = _Time()
    pacer = Pacer(None, lambda: time.now, time.sleep)
    for _ in range(3):
        pacer.take(GIB)
    assert time.slept == 0
