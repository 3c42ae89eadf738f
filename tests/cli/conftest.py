"""The command as its users have it: a process, a configuration file, folders, and a server."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.lab import CANARIES, PATIENCE, Lab, environment
from tests.servers.rspace import (  # noqa: F401 - fixtures
    authority,
    serve,
    server,
    server_tls,
)

from labferry.testing.rspace import SimulatedRSpace

Serve = Callable[..., SimulatedRSpace]
Source = Callable[..., dict[str, Any]]
WaitFor = Callable[[Callable[[], object]], None]


@pytest.fixture
def lab(tmp_path: Path, bytecode: Path) -> Iterator[Lab]:
    """A laboratory; in the end no secret stands in any file but the configuration."""
    folder = tmp_path / "lab"
    folder.mkdir()
    lab = Lab(folder, environment(tmp_path / "home", bytecode))
    yield lab
    for process in lab.started:
        process.kill()
        process.communicate()
    for canary in CANARIES:
        assert lab.holds(canary) == []


@pytest.fixture
def source() -> Callable[..., dict[str, Any]]:
    """The keys of a source, by default Alice's work, asked for without much patience."""

    def keys(where: SimulatedRSpace | str, key: str = "ALICE_KEY", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - settings of any kind
        url = where if isinstance(where, str) else where.url
        given = {} if "api_keys" in more else {"api_key": {"env": key}}
        return {"type": "rspace", "url": url, **given, "poll_interval": "20ms", **more}

    return keys


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds."""

    def wait(condition: Callable[[], object]) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.01)

    return wait
