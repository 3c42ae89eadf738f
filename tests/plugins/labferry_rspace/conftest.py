import io
import logging
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import trustme

from labferry.sdk import ExportRequest, JobState, JobStatus
from labferry.testing.rspace import ALICE_KEY, Options, SimulatedRSpace, World, default_world
from labferry_rspace import RSpaceSettings, RSpaceSource

Serve = Callable[..., SimulatedRSpace]
Connect = Callable[..., RSpaceSource]
Fetch = Callable[[RSpaceSource, str], bytes]
Export = Callable[[RSpaceSource], tuple[ExportRequest, BinaryIO]]


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
def connect() -> Iterator[Connect]:
    """Make sources, by default with Alice's key."""
    sources: list[RSpaceSource] = []

    def new(where: SimulatedRSpace | str, key: str = ALICE_KEY, **more: Any) -> RSpaceSource:  # noqa: ANN401 - settings of any kind
        url = where if isinstance(where, str) else where.url
        keys = {} if "api_keys" in more else {"api_key": key}
        settings = {"type": "rspace", "url": url, "read_timeout": "5s", **keys, **more}
        sources.append(RSpaceSource("lab", RSpaceSettings.model_validate(settings)))
        return sources[-1]

    yield new
    for source in sources:
        source.close()


@pytest.fixture
def plan() -> Callable[[RSpaceSource], list[ExportRequest]]:
    return lambda source: list(source.plan(source.lanes()))


@pytest.fixture
def submit() -> Callable[[RSpaceSource], JobStatus]:
    """Ask for the source's first export, in the first lane."""

    def ask(source: RSpaceSource) -> JobStatus:
        lanes = source.lanes()
        return source.submit(source.plan(lanes)[0], lanes[0])

    return ask


@pytest.fixture
def finish(submit: Callable[[RSpaceSource], JobStatus]) -> Callable[[RSpaceSource], JobStatus]:
    """Ask for the source's first export and follow it to its end."""

    def follow(source: RSpaceSource) -> JobStatus:
        status = submit(source)
        until = time.monotonic() + 10
        while status.state is JobState.RUNNING:
            assert time.monotonic() < until
            time.sleep(0.01)
            status = source.poll(status.job, status.link, source.lanes()[0])
        return status

    return follow


@pytest.fixture
def fetch() -> Fetch:
    """Download an archive whole."""

    def get(source: RSpaceSource, link: str) -> bytes:
        with source.download(link, source.lanes()[0]) as download:
            return b"".join(download.chunks)

    return get


@pytest.fixture
def export(finish: Callable[[RSpaceSource], JobStatus], fetch: Fetch) -> Export:
    """Let a source's first export be made, and download it."""

    def made(source: RSpaceSource) -> tuple[ExportRequest, BinaryIO]:
        status = finish(source)
        assert status.offer is not None
        assert status.offer.link is not None
        return source.plan(source.lanes())[0], io.BytesIO(fetch(source, status.offer.link))

    return made


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(autouse=True)
def _no_key_and_no_signature_in_any_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    logged = "\n".join(record.getMessage() for record in caplog.get_records("call"))
    assert "X-Amz-Signature" not in logged
    for user in default_world().users:
        assert user.key not in logged
