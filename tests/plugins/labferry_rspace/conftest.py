import io
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import trustme
from tests.servers.rspace import (  # noqa: F401 - fixtures
    authority,
    serve,
    server,
    server_tls,
)

from labferry.sdk import ExportRequest, JobState, JobStatus
from labferry.testing.rspace import ALICE_KEY, SimulatedRSpace, default_world
from labferry_rspace import RSpaceSettings, RSpaceSource

Connect = Callable[..., RSpaceSource]
Fetch = Callable[[RSpaceSource, str], bytes]
Export = Callable[[RSpaceSource], tuple[ExportRequest, BinaryIO]]


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


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:  # noqa: F811 - the fixture
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
