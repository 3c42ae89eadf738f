"""A store that sends what no honest one does: every request ends, in time and with an error."""

import contextlib
import io
import itertools
import resource
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import pytest
from tests.servers.raw_http import RawServer

from labferry.sdk import InvalidAnswerError, LabferryError, StoredArchive, TransientError
from labferry.sdk.waiting import LeastSpeed
from labferry.testing.samples import Content, SampleArchive, SampleManifest
from labferry_s3.answers import date_of, moment_of, size_of
from labferry_s3.sink import S3Sink

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'
LISTED = (
    XML + b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key>"
    b"<Size>1</Size><ETag>x</ETag></Contents></ListBucketResult>"
)
VERSIONS = (
    XML + b"<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>%b</NextKeyMarker>"
    b"<Version><Key>a</Key></Version></ListVersionsResult>"
)
PATIENCE = 10.0

pytestmark = pytest.mark.timeout(60)


def sending(*pieces: bytes) -> RawServer:
    return RawServer(lambda _: pieces)


def whole(body: bytes, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return HEAD + lines.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture
def sink() -> Iterator[Callable[..., S3Sink]]:
    sinks: list[S3Sink] = []

    def make(server: RawServer, **more: object) -> S3Sink:
        table = {
            "type": "s3",
            "bucket": "laboratory",
            "endpoint_url": server.url,
            "region": "us-east-1",
            "access_key_id": "AKIACANARY",
            "secret_access_key": "secret-canary",
            "retries": 0,
            "timeout": "500ms",
            **more,
        }
        sinks.append(S3Sink("s3", S3Sink.Settings.model_validate(table)))
        return sinks[-1]

    yield make
    for each in sinks:
        each.close()


def stored() -> StoredArchive:
    archive = SampleArchive(Content(1 << 20))
    from labferry.sdk import Manifest  # noqa: PLC0415

    manifest = Manifest.from_json(SampleManifest(archive).seal(), where="it")
    return StoredArchive(archive.key, archive.size, manifest)


@pytest.mark.slow
@pytest.mark.parametrize(
    "first",
    [HEAD[:15], HEAD, HEAD + b"\r\n", HEAD + b"Content-Length: 99999\r\n\r\n"],
    ids=["status", "header", "body", "body with a length"],
)
def test_answer_that_trickles_is_given_up(first: bytes, sink: Callable[..., S3Sink]) -> None:
    with RawServer(lambda server: itertools.chain([first], server.trickle())) as server:
        began = time.monotonic()
        with pytest.raises(TransientError, match="took longer than 1 s to answer"):
            list(sink(server).list())
        assert time.monotonic() - began < PATIENCE


def test_archive_that_trickles_is_given_up(
    sink: Callable[..., S3Sink], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labferry_s3.reading.LeastSpeed", partial(LeastSpeed, 0.5))
    first = HEAD + b"Content-Length: 1048576\r\n\r\n"
    with (
        RawServer(lambda server: itertools.chain([first], server.trickle())) as server,
        sink(server).open(stored()) as file,
        pytest.raises(TransientError, match=r"too slowly: only \d+ bytes in"),
    ):
        shutil.copyfileobj(file, io.BytesIO())


def test_list_of_versions_that_goes_round_in_circles_is_left(sink: Callable[..., S3Sink]) -> None:
    def answer(server: RawServer) -> Iterable[bytes]:
        if b"versions" not in server.heads[-1].splitlines()[0]:
            return [whole(LISTED)]
        return [whole(VERSIONS % (b"a" if len(server.heads) % 2 else b"b"))]

    with RawServer(answer) as server:
        assert list(sink(server).list()) == []
        assert len(server.heads) < 10


@pytest.mark.parametrize("number", ["9" * 5000, "-1", "٣", "1e3", ""])
def test_odd_range_is_an_error(number: str, sink: Callable[..., S3Sink]) -> None:
    headers = {"Content_Range": f"bytes 0-9/{number}"}
    with RawServer(lambda _: [whole(b"x" * 10, **headers)]) as server:
        try:
            with sink(server).open(stored()) as file:
                assert file.read() == b"x" * 10
        except LabferryError:
            pass


def test_redirect_is_not_followed(sink: Callable[..., S3Sink]) -> None:
    """The keys that go along are the store's own, and so is what it may answer."""
    with RawServer(lambda _: [whole(LISTED)]) as other:
        redirect = f"HTTP/1.1 307 Moved\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n"
        with RawServer(lambda _: [redirect.encode()]) as server, pytest.raises(LabferryError):
            list(sink(server).list())
        assert other.heads == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Fri, 31 Dec 9999 23:59:59 -1400",
            "now",
            "",
            "9" * 999,
        ),
        *(
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Thu, 01 Jan 99999999 00:00:00 GMT",
            "0",
            "-1",
            "now",
            "",
        ),
    ],
)
def test_odd_dates_are_none(text: str) -> None:
    answer = {"ResponseMetadata": {"HTTPHeaders": {"date": text}}}
    assert date_of(answer) is None


def test_odd_facts_are_none() -> None:
    from datetime import datetime, timedelta, timezone  # noqa: PLC0415

    west, east = timezone(timedelta(hours=-14)), timezone(timedelta(hours=14))
    for moment in (datetime(9999, 12, 31, 23, tzinfo=west), datetime(1, 1, 1, tzinfo=east)):
        assert moment_of({"LastModified": moment}) is None
    sizes: list[object] = [-1, "-1", "9" * 5000, None, "x", [], -1.5]
    for size in sizes:
        assert size_of({"Size": size}) is None


def test_answer_that_is_something_else_is_an_error(sink: Callable[..., S3Sink]) -> None:
    bodies = [b"", b"<", b"\0", XML, XML + b"<html/>", XML + b"<a>" * 10_000, b"{}"]
    bomb = b'<!DOCTYPE a [<!ENTITY a "%b">' % (b"x" * 1000)
    bomb += b"".join(b'<!ENTITY %c "%b">' % (97 + n, b"&%c;" % (96 + n) * 10) for n in range(1, 12))
    bodies.append(XML + bomb + b"]><ListBucketResult>&l;</ListBucketResult>")
    for body in bodies:
        with (
            sending(whole(body)) as server,
            contextlib.suppress(InvalidAnswerError, TransientError),
        ):
            assert list(sink(server).list()) == []


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden"])
def test_answer_without_end_is_not_held(status: str, sink: Callable[..., S3Sink]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    head = f"HTTP/1.1 {status}\r\n\r\n{XML.decode()}".encode()

    def endless(server: RawServer) -> Iterable[bytes]:
        pieces = itertools.chain([head], itertools.repeat(b"<a/>" * 16384, 4000))
        return itertools.takewhile(lambda _: not server.stopping.is_set(), pieces)

    with RawServer(endless) as server, pytest.raises(InvalidAnswerError, match="more than 16 MiB"):
        list(sink(server, timeout="10s").list())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
