"""Laboratories for the proofs of reliability."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.figures import FIGURE

from labferry.testing.rspace import Options

from .harness import Driver, Lab
from .kinds import OVER_THE_NETWORK, Kinds

OpenLab = Callable[..., Lab]
Count = Callable[[str, int], None]


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test here makes dozens of runs; on a slow disk that takes minutes."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kinds]:
    with Kinds.opened(tmp_path_factory.mktemp("servers")) as kinds:
        yield kinds


@pytest.fixture(
    params=[pytest.param(kind, marks=pytest.mark.xdist_group(kind)) for kind in OVER_THE_NETWORK]
)
def kind(request: pytest.FixtureRequest) -> str:
    """A kind of destination behind a server, which one worker starts; a share is done for it."""
    return str(request.param)


@pytest.fixture
def open_lab(driver: Driver, kinds: Kinds, tmp_path: Path) -> Iterator[OpenLab]:
    """Open laboratories, each with a server of its own and two destinations of one kind."""
    with ExitStack() as stack:
        number = 0

        def open_one(
            options: Options | None = None,
            *,
            kind: str = "local",
            settings: str = "",
            top: str = "",
        ) -> Lab:
            nonlocal number
            number += 1
            lab = Lab.new(tmp_path / str(number), driver, kinds[kind])
            lab.settings, lab.top = settings, top
            lab.options = options or lab.options
            return stack.enter_context(lab.opened())

        yield open_one


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Iterator[Count]:
    """Count something for the figures at the end."""
    figures: Counter[str] = Counter()
    yield lambda what, number: figures.update({what: number})
    for what, number in figures.items():
        record_property(f"{FIGURE}{what}", number)
