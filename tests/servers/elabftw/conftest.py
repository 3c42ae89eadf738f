"""A client for the tests of the simulated eLabFTW: plain httpx."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.servers.elabftw import ALICE_KEY, SimulatedElabftw


class Caller:
    """One user's client; paths are below ``/api/v2``."""

    def __init__(self, server: SimulatedElabftw, key: str = ALICE_KEY) -> None:
        self.server = server
        self.http = httpx.Client(
            base_url=f"{server.url}/api/v2", headers={"Authorization": key}, timeout=10
        )

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def begin(self, **body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        return self.http.post("/exports", json={"format": "eln", "experiments": "on", **body})

    def row(self, number: int) -> dict[str, Any]:
        row: dict[str, Any] = self.get(f"/exports/{number}").json()
        return row

    def finished(self, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """A new export, once its state is neither Pending nor Processing."""
        number = int(self.begin(**body).headers["location"].rpartition("/")[2])
        while (row := self.row(number))["state"] in {4, 5}:
            pass
        return row


@pytest.fixture
def server() -> Iterator[SimulatedElabftw]:
    with SimulatedElabftw() as server:
        yield server
    assert server.errors == []
    assert not server.faults.unfired()


@pytest.fixture
def alice(server: SimulatedElabftw) -> Iterator[Caller]:
    caller = Caller(server)
    yield caller
    caller.http.close()
