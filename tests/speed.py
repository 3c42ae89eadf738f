"""Which cases of a test are slow: together they take most of the time, one alone says little."""

from collections.abc import Iterable

import pytest


def first_quick(values: Iterable[object]) -> list[object]:
    """Values of a parameter; all but the first make their test slow.

    Args:
        values: The values. A tuple holds those of several parameters, or the one.
    """
    first, *others = map(_together, values)
    slow = (pytest.param(*each, marks=pytest.mark.slow) for each in others)
    return [pytest.param(*first), *slow]


def _together(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)
