"""A large body is read in large pieces, whatever way it comes; nothing is lost or made up."""

import os
import ssl
from pathlib import Path

import pytest
import trustme
from tests.servers.raw_http import RawServer

from labferry.sdk import TransientError
from labferry.sdk.http import HttpClient

SIZE = 3_000_000
CONTENT = os.urandom(SIZE)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE


def serving(*pieces: bytes, tls: ssl.SSLContext | None = None, hang: bool = False) -> RawServer:
    return RawServer(lambda _: pieces, tls, hang=hang)


def read(url: str, ca_file: Path | None = None) -> bytes:
    received = bytearray()
    read_into(received, url, ca_file)
    return bytes(received)


def read_into(received: bytearray, url: str, ca_file: Path | None = None) -> None:
    client = HttpClient(url, ca_file=ca_file, read_timeout=0.5)
    with client.stream("GET", url) as answer:
        for piece in answer.chunks():
            received += piece
    client.close()


@pytest.mark.parametrize("first", [0, 1, 100, 64 * 1024, SIZE - 1, SIZE])
def test_body_is_whole_however_much_comes_with_the_head(first: int) -> None:
    with serving(HEAD + CONTENT[:first], CONTENT[first:]) as server:
        assert read(server.url) == CONTENT


def test_body_is_whole_over_tls(tmp_path: Path) -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(HEAD, CONTENT, tls=tls) as server:
        assert read(server.url, tmp_path / "ca.pem") == CONTENT


@pytest.mark.parametrize("end", [0, 10, 1_500_000, SIZE - 1])
def test_body_that_ends_too_soon_is_an_error(end: int) -> None:
    with (
        serving(HEAD, CONTENT[:end]) as server,
        pytest.raises(TransientError, match="broke off"),
    ):
        read(server.url)


@pytest.mark.parametrize("end", [10, 1_500_000])
def test_silence_ends_the_wait(end: int) -> None:
    with (
        serving(HEAD, CONTENT[:end], hang=True) as server,
        pytest.raises(TransientError, match=r"silent for 0\.5 s"),
    ):
        read(server.url)


def test_body_without_a_length_is_read_to_its_end() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (SIZE, CONTENT)
    with serving(head, chunk) as server:
        assert read(server.url) == CONTENT


def test_what_came_before_a_break_is_given_out() -> None:
    received = bytearray()
    with (
        serving(HEAD, CONTENT[:1_000_000], hang=True) as server,
        pytest.raises(TransientError),
    ):
        read_into(received, server.url)
    assert received == CONTENT[:1_000_000]
