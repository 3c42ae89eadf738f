"""The body of an upload, sent in small pieces: it can be paced, and watched for a standstill."""

import asyncio
import io
import time
from collections.abc import AsyncIterator

_PIECE = 128 << 10


class Pacer:
    """Spreads bytes over time, for all bodies together.

    Args:
        rate: How many bytes a second; no limit when None.
    """

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._free_at = 0.0
        self.piece = _PIECE if rate is None else max(1024, min(_PIECE, rate // 8))

    async def wait_for(self, count: int) -> None:
        """Return when so many bytes may be sent."""
        if self._rate is None:
            return
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + count / self._rate
        await asyncio.sleep(self._free_at - now)


class Body:
    """Bytes to be sent, any number of times.

    The client asks for `read`, `seek` and `tell` to sign the body, and iterates over it to send
    it. It is deliberately not an `io.IOBase`: those are read in a thread for every piece.

    Args:
        data: The bytes; not to be changed before the request is done.
        pacer: When pieces may be sent.
    """

    def __init__(self, data: bytes | memoryview, pacer: Pacer) -> None:
        self._data = memoryview(data)
        self._position = 0
        self._pacer = pacer
        self.moved_at = time.monotonic()

    def __len__(self) -> int:
        return len(self._data)

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        end = len(self) if size < 0 else self._position + size
        piece = bytes(self._data[self._position : end])
        self._position += len(piece)
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self)}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """The position of the next byte."""
        return self._position

    def rest(self) -> None:
        """Take the time anew: nothing has been sent yet, and that is no standstill."""
        self.moved_at = time.monotonic()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self), self._pacer.piece):
            piece = bytes(self._data[start : start + self._pacer.piece])
            await self._pacer.wait_for(len(piece))
            self.moved_at = time.monotonic()
            yield piece
        self.moved_at = time.monotonic()
