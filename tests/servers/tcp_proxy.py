"""A TCP proxy that breaks, freezes or delays what goes through it."""

import select
import socket
import threading
from contextlib import suppress
from typing import Self

from .processes import free_port

_BLOCK = 65_536


class Proxy:
    """Between a client and a server on loopback.

    Attributes:
        port: Where clients connect to.
        connections: How many did.
        sent: How many bytes clients sent.
        break_at: How many bytes clients may send before every connection is cut, once.
        freeze_at: How many bytes clients may send before nothing goes through any more.
        mute: Whether what the server says is held back.
    """

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self.connections = 0
        self.sent = 0
        self.break_at: int | None = None
        self.freeze_at: int | None = None
        self.mute = False
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            if select.select([self._listener], [], [], 0.05)[0]:
                client, _ = self._listener.accept()
                self.connections += 1
                self._threads.append(threading.Thread(target=self._relay, args=(client,)))
                self._threads[-1].start()

    def _relay(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._server_port))
        with client, server, suppress(OSError):
            while not self._closing.is_set():
                for ready in select.select([client, server], [], [], 0.05)[0]:
                    if self._frozen() or (self.mute and ready is server):
                        self._closing.wait(0.05)
                        continue
                    data = ready.recv(_BLOCK)
                    if not data or self._breaks(len(data) if ready is client else 0):
                        return
                    (server if ready is client else client).sendall(data)

    def _frozen(self) -> bool:
        return self.freeze_at is not None and self.sent >= self.freeze_at

    def _breaks(self, count: int) -> bool:
        self.sent += count
        if self.break_at is None or self.sent < self.break_at:
            return False
        self.break_at = None
        return True
