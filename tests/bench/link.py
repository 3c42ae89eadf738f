"""A network link of a known speed: a proxy on loopback that lets so many bytes through a second."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_PIECE = 64 * 1024
_SLACK = 0.05


class _Direction:
    """Lets bytes through at a speed, whichever connection they belong to."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._free_at = 0.0
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - _SLACK) + count / self._rate
            wait = self._free_at - now
        if wait > 0:
            time.sleep(wait)


_Directions = Callable[[], tuple[_Direction, _Direction]]


@contextmanager
def link(port: int, rate: int, *, each: bool = False) -> Iterator[int]:
    """A port that leads to another one, at so many bytes a second in each direction.

    Args:
        port: Where it leads.
        rate: Bytes a second.
        each: Whether each connection has as much, not all of them together.
    """
    shared = _Direction(rate), _Direction(rate)

    def directions() -> tuple[_Direction, _Direction]:
        return (_Direction(rate), _Direction(rate)) if each else shared

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, port, directions))
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, port: int, directions: _Directions) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            passing = (client, port, *directions())
            threading.Thread(target=_connect, args=passing, daemon=True).start()


def _connect(client: socket.socket, port: int, there: _Direction, back: _Direction) -> None:
    with client, suppress(OSError), socket.create_connection(("127.0.0.1", port)) as server:
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        upward = threading.Thread(target=_pass_on, args=(client, server, there), daemon=True)
        upward.start()
        _pass_on(server, client, back)
        upward.join()


def _pass_on(source: socket.socket, target: socket.socket, direction: _Direction) -> None:
    buffer = bytearray(_PIECE)
    with memoryview(buffer) as view, suppress(OSError):
        while count := source.recv_into(buffer):
            direction.take(count)
            target.sendall(view[:count])
        target.shutdown(socket.SHUT_WR)
        return
    # One side is gone: there is no more to come from the other either.
    for side in (source, target):
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
