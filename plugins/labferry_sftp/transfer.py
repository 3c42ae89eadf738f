"""Sending and fetching with several requests under way, so that no round trip is waited out."""

import io
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Self, cast

from typing_extensions import Buffer, override

from labferry.sdk import ArchiveReader, LabferryError, Pacer
from labferry_sftp.files import length
from labferry_sftp.remote import USED_UP, Remote

# asyncssh cuts each piece into requests of the size that the server takes; four at a time keep
# as many bytes on their way as OpenSSH's own client does, and memory small.
_PIECE = 4 * 255 * 1024
_PIECES = 4
IN_FLIGHT = _PIECE * _PIECES
"""How many bytes at most were sent and are not known to have arrived."""


class Writer:
    """An open file on the server, to be written from one place on.

    Args:
        remote: Where.
        path: The file.
        mode: One of the modes of `Remote.open`.
    """

    def __init__(self, remote: Remote, path: str, mode: str) -> None:
        self._remote = remote
        self._path = path
        self._file = remote.create(path) if mode == "xb" else remote.open(path, mode)

    def send(
        self,
        reader: ArchiveReader,
        pacer: Pacer,
        offset: int = 0,
        arrived: Callable[[int], None] | None = None,
    ) -> bool:
        """Write all that a reader gives, force it to the disk, and close the file.

        Args:
            reader: Gives the bytes that belong to the offset and beyond; it may wait for them.
            pacer: Holds back if a limit is set.
            offset: Where in the file to begin.
            arrived: Called each time with the offset up to which the file is written.

        Returns:
            Whether the server said that the bytes are on its disk.
        """
        try:
            end = self._write(reader, pacer, offset, arrived)
            synced = self._remote.sync(self._path, self._file, end)
        except BaseException:
            with suppress(LabferryError):
                self._remote.run(f"Closing {self._path}", self._file.close())
            raise
        # Whether that works counts only if all else did.
        self._remote.close_file(self._path, self._file, end)
        return synced

    def _write(
        self,
        reader: ArchiveReader,
        pacer: Pacer,
        offset: int,
        arrived: Callable[[int], None] | None,
    ) -> int:
        """Write all that a reader gives; the offset of its end."""
        window: deque[tuple[int, Future[int], bytearray]] = deque()
        free: list[bytearray] = []

        def wait() -> None:
            end, written, buffer = window.popleft()
            self._remote.wait(f"Writing {self._path}", written, hint=USED_UP)
            free.append(buffer)
            if arrived is not None:
                arrived(end)

        try:
            while True:
                buffer = free.pop() if free else bytearray(min(_PIECE, pacer.piece))
                count = reader.readinto(buffer)
                if not count:
                    break
                pacer.take(count)
                # asyncssh cuts it into requests, of which a view needs no copies.
                piece = cast("bytes", memoryview(buffer)[:count])
                written = self._remote.submit(self._file.write(piece, offset))
                offset += count
                window.append((offset, written, buffer))
                if len(window) == _PIECES:
                    wait()
            while window:
                wait()
        finally:
            # Also if the reader failed: what still arrives need not be sent again.
            self._remote.settle([written for _, written, _ in window])
        return offset


def send_small(remote: Remote, path: str, content: bytes) -> bool:
    """Make a small file; returns what `Writer.send` does."""
    return Writer(remote, path, "xb").send(io.BytesIO(content), Pacer(None))


class Pieces:
    """The bytes of a file on the server in order, several pieces of them asked for ahead.

    Args:
        remote: Where.
        path: The file.
        offset: Where to begin.

    Attributes:
        end: Up to where to ask for.

    Raises:
        NotFoundError: There is no such file.
    """

    def __init__(self, remote: Remote, path: str, offset: int = 0) -> None:
        self.end = 0
        self._remote = remote
        self._path = path
        self._file = remote.open(path, "rb")
        self._asked = offset
        self._window: deque[Future[bytes]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def has_come(self) -> bool:
        """Whether `next_piece` need not wait."""
        return self._window[0].done()

    def size(self) -> int:
        """How long the file is now."""
        return self._remote.run(f"Reading {self._path}", length(self._file))

    def ask(self) -> bool:
        """Ask for as much as may be on its way; whether anything is."""
        while self._asked < self.end and len(self._window) < _PIECES:
            count = min(_PIECE, self.end - self._asked)
            self._window.append(self._remote.submit(self._file.read(count, self._asked)))
            self._asked += count
        return bool(self._window)

    def next_piece(self) -> bytes:
        """The next bytes, however many there are; nothing at the end."""
        if not self.ask():
            return b""
        return self._remote.wait(f"Reading {self._path}", self._window.popleft())

    def close(self) -> None:
        """Give up what is on its way, and close the file."""
        while self._window:
            self._window.pop().cancel()
        with suppress(LabferryError):  # nothing is lost with the connection
            self._remote.run(f"Closing {self._path}", self._file.close())


class RemoteReader(io.RawIOBase):
    """What is left of a file on the server, fetched ahead of what is read."""

    def __init__(self, pieces: Pieces) -> None:
        super().__init__()
        self._pieces = pieces
        self._pieces.end = self._pieces.size()
        self._piece = memoryview(b"")

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        if not self._piece:
            self._piece = memoryview(self._pieces.next_piece())
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._piece))
        target[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    @override
    def close(self) -> None:
        if not self.closed:
            self._pieces.close()
        super().close()
