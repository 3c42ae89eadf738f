from collections.abc import Iterator

import pytest

from labferry.sdk import JsonValue
from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    Fault,
    JobEnds,
    Outcome,
    Record,
    SimulatedRSpace,
)
from labferry.testing.source import Missing, SourceContract
from labferry_rspace import RSpaceSource

_WRONG_KEY = "wrongWrongWrong99"


class TestRSpaceSource(SourceContract):
    source_class = RSpaceSource
    secrets = (ALICE_KEY, BOB_KEY, _WRONG_KEY)

    @pytest.fixture
    def server(self) -> Iterator[SimulatedRSpace]:
        with SimulatedRSpace() as server:
            yield server
        assert server.errors == []
        assert server.leaks() == []

    def make_settings(self, server: SimulatedRSpace) -> dict[str, JsonValue]:
        return {
            "type": "rspace",
            "url": server.url,
            "api_keys": [ALICE_KEY, BOB_KEY],
            "poll_interval": "10ms",
        }

    def server_url(self, server: SimulatedRSpace) -> str:
        return server.url

    def count_exports(self, server: SimulatedRSpace) -> int:
        return len(server.exports)

    def change_content(self, server: SimulatedRSpace) -> bool:
        server.world.add(Record(999, "One more result", "alice", text="It worked."))
        return True

    def let_exports_fail(self, server: SimulatedRSpace) -> bool:
        server.faults.add(Fault("job", JobEnds(Outcome.FAILED), times=None))
        return True

    def missing(self, server: SimulatedRSpace) -> Missing:
        job = "4711"
        return Missing(
            job, f"{server.url}/api/v1/jobs/{job}", f"{server.url}/api/v1/export/none.zip"
        )

    def broken_settings(self, server: SimulatedRSpace) -> dict[str, dict[str, JsonValue]]:
        table: dict[str, JsonValue] = {"type": "rspace", "url": server.url}
        return {
            "a wrong key": {**table, "api_key": _WRONG_KEY},
            "a server that is not there": {
                **table,
                "url": "http://127.0.0.1:1",
                "api_key": ALICE_KEY,
            },
            "a group whose name nobody has": {
                **table,
                "api_key": ALICE_KEY,
                "scope": "group",
                "id": "no such group",
            },
        }


class TestRSpaceSourceWithArchivesOnS3(TestRSpaceSource):
    """Where downloads can be resumed."""

    @pytest.fixture
    def server(self) -> Iterator[SimulatedRSpace]:
        server = SimulatedRSpace()
        server.options.presigned = True
        with server:
            yield server
        assert server.errors == []
        assert server.leaks() == []
