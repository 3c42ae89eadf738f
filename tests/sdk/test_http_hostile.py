"""Answers that no honest server gives: each ends soon and in little memory."""

import itertools
import time
import tracemalloc
from collections.abc import Iterable

import pytest
from tests.servers.raw_http import RawServer

from labferry.sdk import LabferryError
from labferry.sdk.http import HttpClient

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MUCH = b"x" * 65536
LONGEST = 100_000
"""Bytes of an answer that are read."""

ANSWERS: dict[str, Iterable[bytes]] = {
    "length too large": [OK + b"Content-Length: 100\r\n\r\nshort"],
    "length too small": [OK + b"Content-Length: 2\r\n\r\n" + MUCH],
    "two lengths": [OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"],
    "negative length": [OK + b"Content-Length: -1\r\n\r\nabc"],
    "length of 5000 digits": [OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc"],
    "length in other digits": [OK + "Content-Length: ٣\r\n\r\nabc".encode()],
    "length and chunks": [
        OK + b"Content-Length: 2\r\n" + CHUNKED[len(OK) :] + b"2\r\nab\r\n0\r\n\r\n"
    ],
    "chunks of no size": [CHUNKED + b"zz\r\nab\r\n"],
    "chunks of negative size": [CHUNKED + b"-1\r\nab\r\n"],
    "chunks of any size": [CHUNKED + b"F" * 4000 + b"\r\nab\r\n"],
    "chunks without an end": itertools.chain([CHUNKED], itertools.repeat(b"1\r\nx\r\n")),
    "chunk extensions without end": itertools.chain([CHUNKED + b"1;"], itertools.repeat(MUCH)),
    "trailers without end": itertools.chain([CHUNKED + b"0\r\n"], itertools.repeat(b"X: y\r\n")),
    "chunks twice": [OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"],
    "another transfer": [OK + b"Transfer-Encoding: gzip\r\n\r\nabc"],
    "headers without end": itertools.chain([OK], itertools.repeat(b"X: y\r\n")),
    "a header without end": itertools.chain([OK + b"X: "], itertools.repeat(MUCH)),
    "interim answers without end": itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "interim headers without end": itertools.chain(
        [b"HTTP/1.1 103 Early Hints\r\n"], itertools.repeat(b"Link: y\r\n")
    ),
    "upgrade": [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + MUCH],
    "a status that is none": [b"HTTP/1.1 99999 OK\r\n\r\n"],
    "another version": [b"HTTP/9.9 200 OK\r\n\r\n"],
    "another protocol": [b"SSH-2.0-OpenSSH_10.0\r\n"],
    "a line without end": itertools.repeat(MUCH),
    "nothing but line ends": itertools.repeat(b"\r\n" * 4000),
    "a zero byte in a header": [OK + b"X: a\0b\r\n\r\n"],
    "a header of two lines": [OK + b"X: a\r\n  b\r\nContent-Length: 2\r\n\r\nab"],
    "a header without a name": [OK + b": x\r\n\r\n"],
    "a header in no encoding": [OK + b"X: \xff\xfe\r\nContent-Length: 2\r\n\r\nab"],
    "a body where there is none": [b"HTTP/1.1 204 None\r\nContent-Length: 9\r\n\r\n" + MUCH],
    "nothing": [b""],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_hostile_answer_costs_neither_time_nor_memory(name: str) -> None:
    pieces = ANSWERS[name]
    found, said = None, ""

    def answer(server: RawServer) -> Iterable[bytes]:
        return itertools.takewhile(lambda _: not server.stopping.is_set(), pieces)

    with RawServer(answer) as server:
        client = HttpClient(server.url, read_timeout=1.0)
        tracemalloc.start()
        began = time.monotonic()
        try:
            found = client.ask("GET", server.url, longest=LONGEST)
        except LabferryError as error:
            said = str(error)
        seconds = time.monotonic() - began
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        client.close()
    assert seconds < 10  # twice the time that the server may be silent, on a busy machine
    assert peak < 8 << 20
    assert found is None or len(found.body) <= LONGEST
    assert len(said) < 1000
    assert said.isprintable()
