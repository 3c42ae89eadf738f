"""Large archives over several connections, where they lie at an object store."""

import threading
from collections.abc import Callable, Iterator

import pytest

from labferry.sdk import JobStatus, TransientError
from labferry.testing.rspace import (
    Answer,
    BigArchive,
    ChangedETag,
    Fault,
    IgnoreRange,
    Options,
    Reset,
    SimulatedRSpace,
    Stall,
    Truncate,
    WrongContentRange,
)
from labferry_rspace import RSpaceSource
from labferry_rspace import parallel_download as spreading

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Finish = Callable[[RSpaceSource], JobStatus]

PIECE = 1 << 16
SIZE = 9 * PIECE + 11


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "_PIECE", PIECE)
    monkeypatch.setattr(spreading, "_WORTH_IT", 4 * PIECE)


@pytest.fixture
def s3(serve: Serve) -> SimulatedRSpace:
    return serve(Options(presigned=True, archives=[BigArchive(SIZE)]))


@pytest.fixture
def source(s3: SimulatedRSpace, connect: Connect) -> RSpaceSource:
    return connect(s3)


@pytest.fixture
def link(source: RSpaceSource, finish: Finish) -> str:
    offer = finish(source).offer
    assert offer is not None
    assert offer.link is not None
    return offer.link


def fetched(
    source: RSpaceSource, link: str, offset: int = 0, validator: str | None = None
) -> bytes:
    (lane,) = source.lanes()
    with source.download(link, lane, offset=offset, validator=validator) as download:
        assert (download.offset, download.total) == (offset, SIZE)
        return b"".join(download.chunks)


def gather(chunks: Iterator[bytes | bytearray], got: bytearray) -> None:
    for chunk in chunks:
        got += chunk


def ranges(server: SimulatedRSpace) -> list[str]:
    asked = [request for request in server.requests if request.origin == "s3"]
    return [request.headers.get("range", "") for request in asked]


def test_pieces_come_over_other_connections_and_in_order(
    s3: SimulatedRSpace, source: RSpaceSource, link: str
) -> None:
    assert fetched(source, link) == s3.exports[-1].content()
    whole, *pieces = ranges(s3)
    assert whole == ""
    begins = range(PIECE, SIZE, PIECE)
    assert sorted(pieces) == sorted(f"bytes={n}-{min(SIZE, n + PIECE) - 1}" for n in begins)
    assert all("apikey" not in r.headers for r in s3.requests if r.origin == "s3")


def test_what_is_resumed_is_spread_too(
    s3: SimulatedRSpace, source: RSpaceSource, link: str
) -> None:
    (lane,) = source.lanes()
    with source.download(link, lane) as download:
        validator = download.validator
    assert fetched(source, link, 100, validator) == s3.exports[-1].content()[100:]
    assert f"bytes={100 + PIECE}-{100 + 2 * PIECE - 1}" in ranges(s3)


def test_small_archives_are_not_spread(
    s3: SimulatedRSpace, source: RSpaceSource, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "_WORTH_IT", SIZE + 1)
    assert fetched(source, link) == s3.exports[-1].content()
    assert ranges(s3) == [""]


def test_rspace_itself_is_asked_once(serve: Serve, connect: Connect, finish: Finish) -> None:
    server = serve(Options(archives=[BigArchive(SIZE)]))
    source = connect(server)
    offer = finish(source).offer
    assert offer is not None
    assert fetched(source, offer.link or "") == server.exports[-1].content()
    assert not any("range" in request.headers for request in server.requests)


@pytest.mark.parametrize(
    "act",
    [
        Reset(),
        Truncate(100),
        Truncate(100, honest=True),
        Answer(503),
        Answer(403),
        IgnoreRange(),
        WrongContentRange(),
        ChangedETag(),
    ],
    ids=lambda act: type(act).__name__,
)
def test_a_piece_that_fails_ends_the_download_and_the_next_one_is_not_spread(
    s3: SimulatedRSpace, source: RSpaceSource, link: str, act: Reset
) -> None:
    content = s3.exports[-1].content()
    s3.faults.add(Fault(on="download", act=act, nth=4))
    got = bytearray()
    (lane,) = source.lanes()
    with source.download(link, lane) as download, pytest.raises(TransientError):
        gather(download.chunks, got)
    assert len(got) >= PIECE
    assert content.startswith(bytes(got))
    before = len(ranges(s3))
    assert fetched(source, link, len(got), download.validator) == content[len(got) :]
    assert ranges(s3)[before:] == [f"bytes={len(got)}-"]


def test_only_so_many_downloads_are_spread_at_a_time(
    s3: SimulatedRSpace, source: RSpaceSource, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "_AT_ONCE", threading.BoundedSemaphore(1))
    (lane,) = source.lanes()
    with source.download(link, lane) as first:
        chunks = iter(first.chunks)
        head = next(chunks)
        before = len(ranges(s3))
        assert fetched(source, link) == s3.exports[-1].content()
        assert ranges(s3)[before:] == [""]
        assert head + b"".join(chunks) == s3.exports[-1].content()


def test_a_download_that_waits_can_be_stopped(
    s3: SimulatedRSpace, source: RSpaceSource, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "_HEARTBEAT", 0.01)
    s3.faults.add(Fault(on="download", act=Stall(1.0), nth=2))
    (lane,) = source.lanes()
    with source.download(link, lane) as download:
        waited = any(not chunk for chunk in download.chunks)
    assert waited


def test_memory_is_for_a_few_pieces_only(
    s3: SimulatedRSpace, source: RSpaceSource, link: str
) -> None:
    (lane,) = source.lanes()
    with source.download(link, lane) as download:
        chunks: Iterator[bytes | bytearray] = iter(download.chunks)
        next(chunks)
        for _ in range(3):
            next(chunks)
        asked = len(ranges(s3))
    assert asked <= 1 + 4 + 3


def test_a_download_that_is_given_up_fetches_nothing_more_and_lets_others_be_spread(
    s3: SimulatedRSpace, source: RSpaceSource, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(spreading, "_AT_ONCE", places)
    (lane,) = source.lanes()
    with source.download(link, lane) as download:
        next(iter(download.chunks))
    assert places.acquire(blocking=False)
    assert not [each for each in threading.enumerate() if each.name.startswith("piece")]
    assert next(iter(download.chunks), None) is None
