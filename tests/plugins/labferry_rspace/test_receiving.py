"""A large body is read in large pieces, whatever way it comes; nothing is lost or made up."""

import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from threading import Thread

import httpx
import pytest
import trustme

from labferry_rspace.receiving import body

SIZE = 3_000_000
CONTENT = os.urandom(SIZE)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE


@contextmanager
def _served(pieces: Sequence[bytes], tls: ssl.SSLContext | None, *, hang: bool) -> Iterator[str]:
    """A server that answers one request with these very pieces."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = socket.socketpair()

        def answer() -> None:
            connection, _ = listener.accept()
            with closing(
                tls.wrap_socket(connection, server_side=True) if tls else connection
            ) as it:
                it.recv(65536)
                for piece in pieces:
                    it.sendall(piece)
                if hang:
                    done[1].recv(1)

        thread = Thread(target=answer)
        thread.start()
        scheme = "https" if tls else "http"
        try:
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            done[0].send(b"!")
            thread.join()
            for end in done:
                end.close()


def _read(url: str, trusted: ssl.SSLContext | None = None) -> bytes:
    received = bytearray()
    _read_into(received, url, trusted)
    return bytes(received)


def _read_into(received: bytearray, url: str, trusted: ssl.SSLContext | None = None) -> None:
    with (
        httpx.Client(verify=trusted or True, timeout=0.5, trust_env=False) as client,
        client.stream("GET", url) as answer,
    ):
        for piece in body(answer):
            received += piece


@pytest.mark.parametrize("first", [0, 1, 100, 64 * 1024, SIZE - 1, SIZE])
def test_body_is_whole_however_much_comes_with_the_head(first: int) -> None:
    with _served([HEAD + CONTENT[:first], CONTENT[first:]], None, hang=False) as url:
        assert _read(url) == CONTENT


def test_body_is_whole_over_tls() -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    with _served([HEAD, CONTENT], server, hang=False) as url:
        assert _read(url, client) == CONTENT


@pytest.mark.parametrize("end", [0, 10, 1_500_000, SIZE - 1])
def test_body_that_ends_too_soon_is_an_error(end: int) -> None:
    with (
        _served([HEAD, CONTENT[:end]], None, hang=False) as url,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        _read(url)


@pytest.mark.parametrize("end", [10, 1_500_000])
def test_silence_ends_the_wait(end: int) -> None:
    with (
        _served([HEAD, CONTENT[:end]], None, hang=True) as url,
        pytest.raises(httpx.ReadTimeout),
    ):
        _read(url)


def test_body_without_a_length_is_read_to_its_end() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (SIZE, CONTENT)
    with _served([head, chunk], None, hang=False) as url:
        assert _read(url) == CONTENT


def test_what_came_before_a_break_is_given_out() -> None:
    received = bytearray()
    with (
        _served([HEAD, CONTENT[:1_000_000]], None, hang=True) as url,
        pytest.raises(httpx.ReadTimeout),
    ):
        _read_into(received, url)
    assert received == CONTENT[:1_000_000]
