import io
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pytest
from tests.servers.elabftw import ALICE_KEY, BOB_KEY, READ_ONLY_KEY, SimulatedElabftw

from labferry.sdk import ExportRequest, JobState, JobStatus
from labferry_elabftw import ElabftwSettings, ElabftwSource

Connect = Callable[..., ElabftwSource]
Finish = Callable[[ElabftwSource], JobStatus]
Export = Callable[[ElabftwSource], tuple[ExportRequest, BinaryIO]]


@pytest.fixture
def server() -> Iterator[SimulatedElabftw]:
    """At its end no key went astray and every planned fault happened."""
    with SimulatedElabftw() as server:
        yield server
    assert server.errors == []
    assert server.leaks() == []
    assert server.faults.unfired() == []
    # Sessions are not for us: lanes would share one.
    assert not any("cookie" in request.headers for request in server.requests)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make sources, by default with Alice's key."""
    sources: list[ElabftwSource] = []

    def new(where: SimulatedElabftw | str, key: str = ALICE_KEY, **more: Any) -> ElabftwSource:  # noqa: ANN401 - settings of any kind
        url = where if isinstance(where, str) else where.url
        keys = {} if "api_keys" in more else {"api_key": key}
        settings = {"type": "elabftw", "url": url, "read_timeout": "5s", **keys, **more}
        sources.append(ElabftwSource("lab", ElabftwSettings.model_validate(settings)))
        return sources[-1]

    yield new
    for source in sources:
        source.close()


@pytest.fixture
def source(server: SimulatedElabftw, connect: Connect) -> ElabftwSource:
    return connect(server)


@pytest.fixture
def finish() -> Finish:
    """Ask for the source's first export and follow it to its end."""

    def follow(source: ElabftwSource) -> JobStatus:
        request, lane = planned(source)
        status = source.submit(request, lane)
        until = time.monotonic() + 10
        while status.state is JobState.RUNNING:
            assert time.monotonic() < until
            time.sleep(0.01)
            status = source.poll(status.job, status.link, lane)
        return status

    return follow


@pytest.fixture
def export(finish: Finish) -> Export:
    """Let a source's first export be made, and download it."""

    def made(source: ElabftwSource) -> tuple[ExportRequest, BinaryIO]:
        offer = finish(source).offer
        assert offer is not None
        request, lane = planned(source)
        with source.download(offer.link or "", lane) as download:
            return request, io.BytesIO(b"".join(download.chunks))

    return made


def planned(source: ElabftwSource) -> tuple[ExportRequest, str]:
    """The first export of a source, and its lane."""
    lanes = source.lanes()
    return source.plan(lanes)[0], lanes[0]


@pytest.fixture(autouse=True)
def _no_key_in_any_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    logged = "\n".join(record.getMessage() for record in caplog.get_records("call"))
    for key in (ALICE_KEY, BOB_KEY, READ_ONLY_KEY):
        assert key not in logged
