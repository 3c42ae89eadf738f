"""Simulated servers for the tests of the Zenodo destination, and stores into them."""

from collections.abc import Callable, Iterator

import pytest
from tests.servers.invenio import InvenioOptions, SimulatedInvenio

from .storing import Storing

StartServer = Callable[..., SimulatedInvenio]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index of the simulated server is up to date unless a test says otherwise."""
    monkeypatch.setattr("labferry_zenodo.drafting._SEARCH_AFTER", (0.0,))
    monkeypatch.setattr("labferry_zenodo.publishing._LOOK_AFTER", (0.0, 0.01))
    monkeypatch.setattr("labferry_zenodo.series._INDEX_DELAY", 0.0)


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start servers; at the end none may have had an error of its own, or an unused fault."""
    started: list[SimulatedInvenio] = []

    def start(options: InvenioOptions | None = None) -> SimulatedInvenio:
        started.append(SimulatedInvenio(options).start())
        return started[-1]

    yield start
    for server in started:
        server.stop()
        assert server.errors == []
        assert server.faults.unfired() == []


@pytest.fixture
def server(start_server: StartServer) -> SimulatedInvenio:
    return start_server()


@pytest.fixture
def storing(server: SimulatedInvenio) -> Storing:
    """A destination that makes drafts."""
    return Storing(server)


@pytest.fixture
def publishing(server: SimulatedInvenio) -> Storing:
    """A destination that publishes."""
    return Storing(server, publish=True)


@pytest.fixture
def series(server: SimulatedInvenio) -> Storing:
    """A destination that publishes versions of one record."""
    return Storing(server, publish=True, series=True)
