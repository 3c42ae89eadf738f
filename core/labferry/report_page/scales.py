"""Where an axis has its marks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labferry.report_page.units import show_seconds, show_size

_MARKS = 4
_SECONDS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """A kind of axis.

    Attributes:
        show: A value, for people.
        step: The distance of its marks where so much has to fit between two of them.
    """

    show: Callable[[float], str]
    step: Callable[[float], float]

    def marks(self, highest: float) -> Sequence[float]:
        """The values to mark, from 0 to the first that is not below the highest."""
        step = self.step(max(highest, 0) / _MARKS)
        marks = [0.0]
        while marks[-1] < highest or len(marks) == 1:
            marks.append(len(marks) * step)
        return marks


def _decimal(least: float) -> float:
    """1, 2 or 5 times a power of ten."""
    power = 1.0
    while True:
        for factor in (1, 2, 5):
            if factor * power >= least:
                return factor * power
        power *= 10


def _seconds(least: float) -> float:
    for step in _SECONDS:
        if step >= least:
            return step
    return 86400 * _decimal(least / 86400)


def _short(text: str) -> str:
    return text.replace(".0 ", " ")


def _size(value: float) -> str:
    return _short(show_size(round(value))) if value else "0"


def _time(value: float) -> str:
    shown = _short(show_seconds(value)) if value else "0"
    return shown.removesuffix(" 00 min").removesuffix(" 0 h")


COUNT = Scale(lambda value: f"{value:.0f}", _decimal)
"""A number of things."""

SIZE = Scale(_size, _decimal)
"""Bytes."""

RATE = Scale(lambda value: f"{_size(value)}/s" if value else "0", _decimal)
"""Bytes each second."""

DURATION = Scale(_time, _seconds)
"""Seconds."""
