from collections.abc import Callable, Iterator

import pytest

from labferry.testing.rspace import JobTiming, Options, World

from .caller import Caller, new_caller

Open = Callable[..., Caller]


@pytest.fixture
def open_caller() -> Iterator[Open]:
    """Start servers; at the end none may have had an error of its own."""
    labs: list[Caller] = []

    def opened(options: Options | None = None, world: World | None = None) -> Caller:
        labs.append(new_caller(world, options))
        return labs[-1]

    yield opened
    for caller in labs:
        caller.close()
        caller.server.stop()
        assert caller.server.errors == []


@pytest.fixture
def caller(open_caller: Open) -> Caller:
    return open_caller()


@pytest.fixture
def busy_lab(open_caller: Open) -> Caller:
    """A server whose exports go on for longer than any test."""
    return open_caller(Options(timing=JobTiming(run=600)))
