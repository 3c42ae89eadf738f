"""The command as its users have it: a process, a configuration file, folders, and a server."""

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.lab import CANARIES, PATIENCE, Lab, environment

from labferry.testing.rspace import (
    Options,
    SimulatedRSpace,
    World,
)

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
def serve() -> Iterator[Serve]:
    """Start servers; at the end no key went astray and every planned fault happened."""
    servers: list[SimulatedRSpace] = []

    def start(options: Options | None = None, world: World | None = None) -> SimulatedRSpace:
        servers.append(SimulatedRSpace(world, options).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
        assert server.errors == []
        assert server.leaks() == []
        assert server.faults.unfired() == []


@pytest.fixture
def server(serve: Serve) -> SimulatedRSpace:
    return serve()


@pytest.fixture
def source() -> Callable[..., dict[str, Any]]:
    """The keys of a source, by default Alice's work, asked for without much patience."""

    def keys(server: SimulatedRSpace | str, key: str = "ALICE_KEY", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - settings of any kind
        url = server if isinstance(server, str) else server.url
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


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context
