from collections.abc import Iterator

import pytest
from tests.servers.elabftw import ALICE_KEY, BOB_KEY, SimulatedElabftw

from labferry.sdk import JsonValue
from labferry.testing.source import Missing, SourceContract
from labferry_elabftw import ElabftwSource

_WRONG_KEY = "5-wrongwrongwrongwrong"


class TestElabftwSource(SourceContract):
    source_class = ElabftwSource
    secrets = (ALICE_KEY, BOB_KEY, _WRONG_KEY)

    @pytest.fixture
    def server(self) -> Iterator[SimulatedElabftw]:
        with SimulatedElabftw() as server:
            yield server
        assert server.errors == []
        assert server.leaks() == []

    def make_settings(self, server: SimulatedElabftw) -> dict[str, JsonValue]:
        return {
            "type": "elabftw",
            "url": server.url,
            "api_keys": [ALICE_KEY, BOB_KEY],
            "poll_interval": "10ms",
        }

    def server_url(self, server: SimulatedElabftw) -> str:
        return server.url

    def count_exports(self, server: SimulatedElabftw) -> int:
        return server.begun

    def change_content(self, server: SimulatedElabftw) -> bool:
        server.world.entry(11).body = "<p>It worked.</p>"
        return True

    def let_exports_fail(self, server: SimulatedElabftw) -> bool:
        server.options.outcome = "failed"
        return True

    def missing(self, server: SimulatedElabftw) -> Missing:
        link = f"{server.url}/api/v2/exports/4711"
        return Missing("4711", link, link)

    def broken_settings(self, server: SimulatedElabftw) -> dict[str, dict[str, JsonValue]]:
        table: dict[str, JsonValue] = {"type": "elabftw", "url": server.url}
        return {
            "a wrong key": {**table, "api_key": _WRONG_KEY},
            "a server that is not there": {
                **table,
                "url": "http://127.0.0.1:1",
                "api_key": ALICE_KEY,
            },
        }
