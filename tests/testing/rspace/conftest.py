from collections.abc import Callable, Iterator

import pytest

from labferry.testing.rspace import JobTiming, Options, World

from .laboratory import Lab, new_lab

Open = Callable[..., Lab]


@pytest.fixture
def open_lab() -> Iterator[Open]:
    """Start servers; at the end none may have had an error of its own."""
    labs: list[Lab] = []

    def opened(options: Options | None = None, world: World | None = None) -> Lab:
        labs.append(new_lab(world, options))
        return labs[-1]

    yield opened
    for lab in labs:
        lab.close()
        lab.server.stop()
        assert lab.server.errors == []


@pytest.fixture
def lab(open_lab: Open) -> Lab:
    return open_lab()


@pytest.fixture
def busy_lab(open_lab: Open) -> Lab:
    """A server whose exports go on for longer than any test."""
    return open_lab(Options(timing=JobTiming(run=600)))
