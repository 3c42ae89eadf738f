"""A large archive over several connections at once, its pieces in order.

An object store lets only so much through each connection, and a far one no more than its window.
RSpace itself sends an archive over one connection only.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from itertools import islice

from labferry.sdk import LabferryError
from labferry.sdk.http import Response
from labferry.sdk.http_address import Origin, origin

_PIECE = 4 << 20
"""Bytes; a piece is kept in memory until it is its turn."""

_WORTH_IT = 64 << 20
_CONNECTIONS = 4
_AT_ONCE = threading.BoundedSemaphore(2)
"""Downloads of this process that are spread: so many, and memory stays small with many lanes."""
_HEARTBEAT = 0.5
"""Seconds after which a waiting download gives its caller a chance to stop it."""

FetchPiece = Callable[[int, int, threading.Event], bytes | bytearray]
"""Fetches the bytes from the first number up to the second; it may give up once the event is
set."""


class Spreading:
    """Remembers which places can't be asked for pieces. Thread-safe."""

    def __init__(self) -> None:
        self._single: set[Origin] = set()

    def chunks(
        self, response: Response, begin: int, end: int, fetch: FetchPiece
    ) -> Iterator[bytes | bytearray]:
        """The rest of an archive: over several connections where that can help, else over one.

        A place where a piece fails is asked over one connection from then on.

        Args:
            response: The answer that has this rest, not read yet.
            begin: Where in the archive it begins.
            end: The archive's size.
            fetch: Fetches a piece over another connection.

        Raises:
            TransientError: A piece did not come, or the answer broke off.
        """
        place = origin(response.url)
        if end - begin < _WORTH_IT or place in self._single or not _AT_ONCE.acquire(blocking=False):
            yield from response.chunks()
            return
        try:
            yield from _first(response)
            yield from _others(begin + _PIECE, end, fetch)
        except LabferryError:
            self._single.add(place)
            raise
        finally:
            _AT_ONCE.release()


def _first(response: Response) -> Iterator[bytes | bytearray]:
    """The first piece, out of an answer that would go on to the archive's end."""
    left = _PIECE
    for chunk in response.chunks():
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            break
    response.close()


def _others(begin: int, end: int, fetch: FetchPiece) -> Iterator[bytes | bytearray]:
    ended = threading.Event()
    begins = iter(range(begin, end, _PIECE))
    window: deque[Future[bytes | bytearray]] = deque()
    with ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="piece") as pool:
        try:
            while True:
                for at in islice(begins, _CONNECTIONS - len(window)):
                    # With the limits that the run has set for this thread.
                    run = copy_context().run
                    window.append(pool.submit(run, fetch, at, min(end, at + _PIECE), ended))
                if not window:
                    return
                while not wait([window[0]], _HEARTBEAT).done:
                    yield b""
                yield window.popleft().result()
        finally:
            ended.set()
            for future in window:
                future.cancel()
