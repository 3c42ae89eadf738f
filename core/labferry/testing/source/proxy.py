"""A proxy between a source and its server that lets things go wrong, and a stranger's server."""

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

__all__ = ["RETRY_AFTER", "Fault", "FaultyProxy", "Stranger", "faulty_proxy"]

RETRY_AFTER = 7
"""Seconds that the proxy asks to be left alone, where it puts requests off."""

_TIMEOUT = 60
_LINGER = struct.pack("ii", 1, 0)
_TEXT = ("json", "text", "html", "xml")
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Fault(StrEnum):
    """What the proxy makes of every request."""

    CUT = "cut"
    """Half of the body comes, then the connection ends."""

    RESET = "reset"
    """The connection is reset, and the server sees nothing."""

    LOST = "lost"
    """A request that begins an export gets no answer."""

    PUT_OFF = "429"
    """Too many requests, with `Retry-After`."""

    UNAVAILABLE = "503"
    """The server is down."""

    REFUSED = "401"
    """The key is refused, with all that was sent in the answer."""

    REDIRECT = "redirect"
    """The answer is at the stranger's."""


class _Handler(BaseHTTPRequestHandler):
    server: "_Listener"

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        with suppress(ConnectionError):
            self.server.owner.answer(self, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - as http.server names them

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes, sent: int) -> None:
        """Send an answer that says how long it is, and as much of it as there is to be."""
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:sent])

    def reset(self) -> None:
        """End the connection as if the other machine had died."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self.connection.close()

    @property
    def sent(self) -> str:
        """What came with the request but its body."""
        return f"{self.command} {self.path}\n{self.headers}"


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: Any) -> None:  # noqa: ANN401 - whoever answers
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as in the standard library
        """Close a connection, if it is not closed already."""
        with suppress(OSError):
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Say nothing: clients leave as they like."""


class _Served:
    """Something that listens."""

    def __init__(self) -> None:
        self._listener = _Listener(self)
        self.url = f"http://127.0.0.1:{self._listener.server_port}"
        threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.shutdown()
        self._listener.server_close()


class Stranger(_Served):
    """A server that should never see a key.

    Attributes:
        seen: All that was sent to it.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        super().__init__()

    def answer(self, handler: _Handler, body: bytes) -> None:
        """Keep what was sent."""
        self.seen.append(handler.sent + body.decode("latin-1"))
        handler.reply(200, [("Content-Type", "application/octet-stream")], b"0" * 64, 64)


class FaultyProxy(_Served):
    """Passes requests on to a server, and what it does wrong, it does on request.

    Args:
        server: The server's address.
        exports: How many exports the server began.

    Attributes:
        stranger: Where redirects lead.
        fault: What to make of every request; None for nothing.
        requests: How many came.
        passed: How many bytes of answers were passed on.
    """

    def __init__(self, server: str, exports: Callable[[], int]) -> None:
        self.stranger = Stranger()
        self.fault: Fault | None = None
        self.requests = 0
        self.passed = 0
        self._server = server.rstrip("/")
        self._exports = exports
        super().__init__()

    def close(self) -> None:
        """Stop listening."""
        super().close()
        self.stranger.close()

    def answer(self, handler: _Handler, body: bytes) -> None:
        """Answer a request, or not."""
        self.requests += 1
        match self.fault:
            case Fault.RESET:
                handler.reset()
            case Fault.PUT_OFF:
                handler.reply(429, [("Retry-After", str(RETRY_AFTER))], b"", 0)
            case Fault.UNAVAILABLE:
                handler.reply(503, [], b"", 0)
            case Fault.REFUSED:
                echo = (handler.sent + body.decode("latin-1")).encode()
                handler.reply(401, [("Content-Type", "text/plain")], echo, len(echo))
            case Fault.REDIRECT:
                where = f"{self.stranger.url}{handler.path}"
                handler.reply(307, [("Location", where)], b"", 0)
            case _:
                self._pass_on(handler, body)

    def _pass_on(self, handler: _Handler, body: bytes) -> None:
        before = self._exports()
        status, headers, content = self._ask(handler, body)
        if self.fault is Fault.LOST and self._exports() > before:
            handler.reset()
            return
        sent = len(content) // 2 if self.fault is Fault.CUT else len(content)
        self.passed += sent
        handler.reply(status, headers, content, sent)

    def _ask(self, handler: _Handler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        parts = urlsplit(self._server)
        connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT)
        try:
            headers = dict(handler.headers.items())
            headers["Connection"] = "close"
            connection.request(handler.command, parts.path + handler.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
            kept = [pair for pair in answer.getheaders() if pair[0].lower() not in _HOP]
        finally:
            connection.close()
        # The server's links lead back here.
        kept = [(name, value.replace(self._server, self.url)) for name, value in kept]
        kind = (answer.getheader("Content-Type") or "").lower()
        if any(text in kind for text in _TEXT):
            content = content.replace(self._server.encode(), self.url.encode())
        return answer.status, kept, content


@contextmanager
def faulty_proxy(server: str, exports: Callable[[], int]) -> Iterator[FaultyProxy]:
    """A proxy in front of a server, for as long as the block lasts."""
    proxy = FaultyProxy(server, exports)
    try:
        yield proxy
    finally:
        proxy.close()
