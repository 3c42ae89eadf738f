"""Bytes on their way: every wait has an end, and large bodies are read in large pieces.

httpx knows one limit, the time in which nothing at all comes. A server that sends a byte now and
then keeps it for ever. So the streams here know three more: the time for a whole answer, the
least speed of a long body, and what the run itself says (`labferry.sdk.waiting`).
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

import httpcore
import httpx
from typing_extensions import override

from labferry.sdk.http_environment import Proxies, Proxy
from labferry.sdk.http_headers import length
from labferry.sdk.waiting import INTERVAL, SLOWEST, WINDOW, LeastSpeed, check

__all__ = ["SLOWEST", "WINDOW"]

_T = TypeVar("_T")

WHOLE = "labferry.whole"
"""The request extension with the seconds that an answer may take, once the request is sent."""

UNSTOPPED = "labferry.unstopped"
"""The request extension that says whether the run waits for the answer even if it is to stop."""

_PIECE = 256 * 1024
_WORTH_IT = 4 * _PIECE


class Watch:
    """The limits of one exchange. Time in which nobody waits for the other side does not count.

    Args:
        whole: Seconds for the answer, once the request is sent; None if there is no limit.
        check: Asked while waiting; may raise.
    """

    def __init__(self, whole: float | None, check: Callable[[], None]) -> None:
        self._whole = whole
        self._check = check
        self._ends: float | None = None
        self._speed = LeastSpeed(WINDOW)
        self._waited = 0.0

    def begin_sending(self) -> None:
        """The time for the answer has not begun yet."""
        self._ends = None

    def begin_answer(self) -> None:
        """The time for the answer begins, unless it did already."""
        if self._ends is None and self._whole is not None:
            self._ends = time.monotonic() + self._whole

    def end_of_head(self) -> None:
        """From now on the answer may take as long as it needs, as long as it comes on."""
        self._whole = self._ends = None

    def wait(
        self,
        attempt: Callable[[float], _T],
        silence: float | None,
        late: type[httpcore.TimeoutException],
    ) -> _T:
        """Try again and again, each time for a moment, until it works or takes too long.

        Args:
            attempt: Takes the seconds that it may wait, and raises `late` after those.
            silence: Seconds after which to give up.
            late: What to raise then.
        """
        began = now = time.monotonic()
        while True:
            self._check()
            if self._ends is not None and now >= self._ends:
                raise late(f"it took longer than {self._whole:g} s")
            if silence is not None and now >= began + silence:
                raise late(f"it was silent for {silence:g} s")
            limits = (silence and began + silence, self._ends)
            left = min([INTERVAL, *(limit - now for limit in limits if limit is not None)])
            try:
                result = attempt(left)
            except late:
                now = time.monotonic()
            else:
                self._waited += time.monotonic() - began
                return result

    def count(self, size: int) -> None:
        """Count bytes that came or went.

        Raises:
            httpcore.ReadTimeout: They are too few for the time that was spent on them.
        """
        waited, self._waited = self._waited, 0.0
        problem = self._speed.count(size, waited)
        if problem:
            raise httpcore.ReadTimeout(problem)


_current: ContextVar[Watch] = ContextVar("watch")


class Stream(httpcore.NetworkStream):
    """A connection whose reads and writes keep to the limits of the exchange that uses it.

    Attributes:
        watch: Those of the exchange whose body is being read; None before its head is there.
    """

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._socket = _socket(inner)
        self.watch: Watch | None = None

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        watch = self._watched()
        watch.begin_answer()
        data = watch.wait(
            lambda seconds: self._inner.read(max_bytes, seconds), timeout, httpcore.ReadTimeout
        )
        watch.count(len(data))
        return data

    @property
    def reads_large(self) -> bool:
        """Whether `read_large` works: not inside a proxy's own TLS."""
        return self._socket is not None

    def read_large(self, size: int, timeout: float | None) -> bytearray:
        """Read up to so many bytes; fewer if the next ones take their time, none at the end.

        Raises:
            httpcore.ReadTimeout: Nothing came.
            httpcore.ReadError: The connection broke.
        """
        connection = self._socket
        if connection is None:
            raise httpcore.UnsupportedProtocol
        buffer = bytearray(size)
        watch = self._watched()
        with memoryview(buffer) as view:
            count = watch.wait(
                lambda seconds: _fill(connection, view, seconds), timeout, httpcore.ReadTimeout
            )
        del buffer[count:]
        watch.count(count)
        return buffer

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        watch = self._watched()
        watch.begin_sending()
        connection = self._socket
        if connection is None:
            self._inner.write(buffer, timeout)
            return
        left = memoryview(buffer)
        while left:
            send = partial(_send, connection, left)
            sent = watch.wait(send, timeout, httpcore.WriteTimeout)
            watch.count(sent)
            left = left[sent:]

    @override
    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return Stream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    @override
    def close(self) -> None:
        self._inner.close()

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def _watched(self) -> Watch:
        return self.watch or _current.get()


def _fill(connection: socket.socket, view: memoryview, seconds: float) -> int:
    """Read until the buffer is full, the answer ends, or the time is over."""
    ends = time.monotonic() + seconds
    filled = 0
    try:
        connection.settimeout(seconds)
        while filled < len(view):
            count = connection.recv_into(view[filled:])
            filled += count
            if count == 0 or time.monotonic() > ends:
                break
    except TimeoutError:
        # What came before counts as received; the next read will wait again.
        if not filled:
            raise httpcore.ReadTimeout from None
    except OSError as error:
        if not filled:
            raise httpcore.ReadError(str(error)) from error
    return filled


def _send(connection: socket.socket, view: memoryview, seconds: float) -> int:
    try:
        connection.settimeout(seconds)
        return connection.send(view)
    except TimeoutError:
        raise httpcore.WriteTimeout from None
    except OSError as error:
        raise httpcore.WriteError(str(error)) from error


def _socket(stream: httpcore.NetworkStream) -> socket.socket | None:
    """What a connection's bytes are read from; None if that is not the socket itself."""
    connection = stream.get_extra_info("socket")
    is_encrypted = stream.get_extra_info("ssl_object") is not None
    if is_encrypted != isinstance(connection, ssl.SSLSocket):
        return None
    return connection if isinstance(connection, socket.socket) else None


class _Backend(httpcore.SyncBackend):
    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        check()
        return Stream(super().connect_tcp(host, port, timeout, local_address, socket_options))


class Transport(httpx.BaseTransport):
    """Sends requests, through the proxies that the environment names.

    Args:
        context: Whom to trust.
        proxies: Those proxies.
    """

    def __init__(self, context: ssl.SSLContext, proxies: Proxies) -> None:
        self.proxies = proxies
        self._context = context
        self._pools = {
            proxy: self._new_pool(proxy) for proxy in (None, *proxies.by_scheme.values())
        }

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        is_unstopped = request.extensions.get(UNSTOPPED, False)
        watch = Watch(request.extensions.get(WHOLE), _nothing if is_unstopped else check)
        token = _current.set(watch)
        try:
            with _as_httpx():
                response = self._pools[self.proxies.of(request.url)].handle_request(
                    httpcore.Request(
                        request.method,
                        httpcore.URL(
                            scheme=request.url.raw_scheme,
                            host=request.url.raw_host,
                            port=request.url.port,
                            target=request.url.raw_path,
                        ),
                        headers=request.headers.raw,
                        content=request.stream,
                        extensions=request.extensions,
                    )
                )
        finally:
            _current.reset(token)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, watch),
            extensions={**response.extensions, "watch": watch},
        )

    @override
    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def _new_pool(self, proxy: Proxy | None) -> httpcore.ConnectionPool:
        # As many connections as there are lanes: to wait for one would be to wait for nothing.
        common: dict[str, Any] = {
            "ssl_context": self._context,
            "max_connections": None,
            "max_keepalive_connections": None,
            "keepalive_expiry": 5.0,
            "network_backend": _Backend(),
        }
        if proxy is None:
            return httpcore.ConnectionPool(**common)
        url = proxy.url
        address = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        if url.scheme.startswith("socks"):
            return httpcore.SOCKSProxy(address, proxy_auth=proxy.auth, **common)
        tls = self._context if url.scheme == "https" else None
        return httpcore.HTTPProxy(address, proxy_auth=proxy.auth, proxy_ssl_context=tls, **common)


def _nothing() -> None:
    """Let the wait go on."""


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, watch: Watch) -> None:
        self._response = response
        self._stream = response.extensions.get("network_stream")
        if isinstance(self._stream, Stream):
            self._stream.watch = watch

    @override
    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._response.iter_stream()

    @override
    def close(self) -> None:
        if isinstance(self._stream, Stream):
            self._stream.watch = None
        with _as_httpx():
            self._response.close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise httpcore's errors as those of httpx, which have the same names."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


def body(response: httpx.Response) -> Iterator[bytes | bytearray]:
    """The body of an answer that is not read yet, as it comes over the line.

    What httpx gives out comes in pieces of 64 KiB at most, and of 16 KiB over TLS, each with its
    own price. So the rest of a body whose length is known is read from the connection itself, by
    httpx's documented extension `network_stream`.

    Raises:
        httpx.HTTPError: It broke off, or comes too slowly.
    """
    pieces = response.iter_raw()
    left = _length(response)
    stream = response.extensions.get("network_stream")
    if left < _WORTH_IT or not isinstance(stream, Stream) or not stream.reads_large:
        yield from pieces
        return
    # What came together with the head of the answer is the first piece, and all of it.
    first = next(pieces, b"")
    yield first
    left -= len(first)
    silence = response.request.extensions["timeout"]["read"]
    while left > 0:
        with _as_httpx():
            piece = stream.read_large(min(_PIECE, left), silence)
        if not piece:
            raise httpx.RemoteProtocolError("the answer ended too soon")
        yield piece
        left -= len(piece)


def _length(response: httpx.Response) -> int:
    """How long the body is; 0 if only its end will tell."""
    is_plain = response.http_version == "HTTP/1.1" and "transfer-encoding" not in response.headers
    return (length(response.headers) or 0) if is_plain else 0
