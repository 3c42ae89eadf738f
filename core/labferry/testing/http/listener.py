"""HTTP/1.1 on a free port of 127.0.0.1: takes requests, sends responses, ends all its threads."""

import contextlib
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from labferry.testing.http.response import Ending, Response

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PATIENCE = 10.0


class Connection(BaseHTTPRequestHandler):
    """One connection, and the request that is being answered on it."""

    protocol_version = "HTTP/1.1"
    server: "Listener"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def handle(self) -> None:
        """Answer until the connection ends."""
        # Clients that go away in the middle are part of the life of a server.
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        """Send what is left, if anybody is there to take it."""
        with contextlib.suppress(OSError):
            super().finish()

    def serve(self) -> None:
        """Answer one request of any method."""
        self._send(self.server.exchange(self))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 - http.server's names

    def _send(self, response: Response) -> None:
        if response.status:
            self.send_response_only(response.status)
            self.send_header("Server", self.version_string())
            if "Date" not in response.headers:
                self.send_header("Date", self.date_time_string())
            for name, value in response.headers.items():
                self.send_header(name, value)
            if response.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Content-Length", str(response.length))
            self.end_headers()
            self._send_body(response)
        self.wfile.flush()
        if response.ending is not Ending.KEEP_ALIVE:
            self.close_connection = True
        if response.ending is Ending.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.server.resets.add(self.connection)

    def _send_body(self, response: Response) -> None:
        if self.command == "HEAD":
            return
        for chunk in response.chunks:
            if response.chunked and not chunk:
                continue  # that would be the end
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if response.chunked else chunk)
            # At once: a test that stalls or slows the body wants what came before to arrive.
            self.wfile.flush()
        if response.chunked and response.ending is Ending.KEEP_ALIVE:
            self.wfile.write(b"0\r\n\r\n")

    def version_string(self) -> str:
        """What the header ``Server`` says."""
        return self.server.name

    def log_message(self, *_: object) -> None:
        """Stay silent: the request log has it all."""


class Listener(ThreadingHTTPServer):
    """One listening socket with its threads.

    Attributes:
        name: What the header ``Server`` says.
        exchange: Reads the rest of a request and makes the response.
        errors: What went wrong while sending, besides clients that left.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        name: str,
        exchange: Callable[[Connection], Response],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.name = name
        self.exchange = exchange
        self.errors: list[BaseException] = []
        self.resets: set[socket.socket] = set()
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._idle = threading.Condition()
        self._thread = threading.Thread(
            target=partial(self.serve_forever, poll_interval=0.01),
            name=name,
            daemon=True,
        )

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End all threads and close all sockets."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        with self._idle:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._idle.wait_for(lambda: not self._open, _PATIENCE)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as typed in the standard library
        """Remember the connection, so that ``stop`` can end it."""
        with self._idle:
            self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Answer on one connection until it ends, the TLS handshake included."""
        connection = self._secured(request)
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            super().process_request_thread(connection, client_address)
        except OSError:
            # A handshake that failed, for instance because the client trusts another CA.
            connection.close()
        finally:
            with self._idle:
                self._open.discard(connection)
                self._idle.notify_all()

    def _secured(self, request: socket.socket) -> socket.socket:
        if self._tls is None:
            return request
        with self._idle:
            self._open.discard(request)
            connection = self._tls.wrap_socket(
                request, server_side=True, do_handshake_on_connect=False
            )
            self._open.add(connection)
        return connection

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class passes them
        """Keep what went wrong for the test, and print nothing."""
        error = sys.exception()
        if error is not None:
            self.errors.append(error)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as above
        """Close a connection, abruptly if it is to be reset."""
        if request in self.resets:
            # A polite shutdown would send FIN before the reset.
            self.resets.discard(request)
            request.close()
            return
        super().shutdown_request(request)

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
