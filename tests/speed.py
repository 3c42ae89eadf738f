"""Which cases of a test are slow: together they take most of the time, one alone says little."""

from collections.abc import Iterable

import pytest


def first_quick(values: Iterable[object]) -> list[object]:
    """Values of a parameter; all but the first make their test slow.

    Args:
        values: The values. A tuple holds those of several parameters.
    """
    first, *others = values
    return [first, *(pytest.param(*_together(each), marks=pytest.mark.slow) for each in others)]


def _together(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)
