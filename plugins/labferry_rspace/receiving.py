"""The bytes of a large answer, read from the connection in large pieces.

What httpx gives out comes in pieces of 64 KiB at most, and of 16 KiB over TLS, each with its own
price. httpx's documented extension `network_stream` lets us read the rest of a body whose length
is known from the connection itself.
"""

import socket
import ssl
from collections.abc import Iterator

import httpx

_PIECE = 256 * 1024
_WORTH_IT = 4 * _PIECE


def body(response: httpx.Response) -> Iterator[bytes | bytearray]:
    """The body of an answer that is not read yet, as it comes over the line.

    Raises:
        httpx.HTTPError: It broke off.
    """
    pieces = response.iter_raw()
    left = _length(response)
    connection = _connection(response)
    if connection is None or left < _WORTH_IT:
        yield from pieces
        return
    # What came together with the head of the answer is the first piece, and all of it.
    first = next(pieces, b"")
    yield first
    yield from _rest(connection, left - len(first), response.request)


def _length(response: httpx.Response) -> int:
    """How long the body is; 0 where only its end will tell."""
    length = response.headers.get("content-length", "")
    is_plain = response.http_version == "HTTP/1.1" and "transfer-encoding" not in response.headers
    return int(length) if is_plain and length.isascii() and length.isdigit() else 0


def _connection(response: httpx.Response) -> socket.socket | None:
    """The socket that the body's bytes can be read from; None within a proxy's TLS tunnel."""
    stream = response.extensions.get("network_stream")
    if stream is None:
        return None
    connection = stream.get_extra_info("socket")
    is_encrypted = stream.get_extra_info("ssl_object") is not None
    if is_encrypted != isinstance(connection, ssl.SSLSocket):
        return None
    return connection if isinstance(connection, socket.socket) else None


def _rest(connection: socket.socket, left: int, request: httpx.Request) -> Iterator[bytearray]:
    # The time-out is that of the read before, which httpx has set.
    while left > 0:
        buffer = bytearray(min(_PIECE, left))
        count = _fill(connection, buffer, request)
        if count == 0:
            raise httpx.RemoteProtocolError("the answer ended too soon", request=request)
        del buffer[count:]
        yield buffer
        left -= count


def _fill(connection: socket.socket, buffer: bytearray, request: httpx.Request) -> int:
    """Read until the buffer is full, the answer ends, or nothing more comes."""
    filled = 0
    try:
        with memoryview(buffer) as view:
            while filled < len(buffer):
                count = connection.recv_into(view[filled:])
                if count == 0:
                    break
                filled += count
    except TimeoutError:
        # What came before counts as received; the next read will wait again.
        if not filled:
            raise httpx.ReadTimeout("nothing more came", request=request) from None
    except OSError as error:
        if not filled:
            raise httpx.ReadError(str(error), request=request) from error
    return filled
