"""A server that answers with exactly the bytes that a test wants, as slowly as it wants."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterable
from threading import Event, Thread
from typing import Self


class RawServer:
    """Answers each request with pieces of bytes; the connection ends with them.

    Args:
        answer: Makes the pieces. Between two of them it may wait on `stopping`.
        tls: For https.
        hang: Whether the connection stays open after the last piece.

    Attributes:
        heads: What was asked for, up to the end of the headers.
        stopping: Set when the server stops.
    """

    def __init__(
        self,
        answer: Callable[["RawServer"], Iterable[bytes]],
        tls: ssl.SSLContext | None = None,
        *,
        hang: bool = False,
    ) -> None:
        self.heads: list[bytes] = []
        self.stopping = Event()
        self._answer = answer
        self._tls = tls
        self._hang = hang
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[Thread] = []
        self._accepting = Thread(target=self._accept)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self._tls else 'http'}://{self.address}"

    def trickle(self, *, seconds: float = 0.05, byte: bytes = b"x") -> Iterable[bytes]:
        """One byte at a time, until the server stops."""
        while not self.stopping.wait(seconds):
            yield byte

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname()).close()
        for thread in (self._accepting, *self._threads):
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.stopping.is_set():
                connection.close()
                return
            thread = Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                stack.callback(connection.close)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.heads.append(head)
            for piece in self._answer(self):
                connection.sendall(piece)
            if self._hang:
                self.stopping.wait()
