"""Simulated RSpace servers as fixtures; a conftest imports those that its tests need."""

import ssl
from collections.abc import Callable, Iterator

import pytest
import trustme

from labferry.testing.rspace import Options, SimulatedRSpace, World

Serve = Callable[..., SimulatedRSpace]


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


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context
