"""Sending and fetching with several requests under way, so that no round trip is waited out."""

import io
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Self, cast

import asyncssh
from typing_extensions import Buffer, override

from labferry.sdk import ArchiveReader, LabferryError, Pacer
from labferry_sftp.remote import USED_UP, Remote

# asyncssh cuts each piece into requests of the size that the server takes; four at a time keep
# as many bytes on their way as OpenSSH's own client does, and memory small.
_PIECE = 4 * 255 * 1024
_PIECES = 4
IN_FLIGHT = _PIECE * _PIECES
"""How many bytes at most were sent and are not known to have arrived."""


def send(
    remote: Remote,
    path: str,
    reader: ArchiveReader,
    offset: int,
    pacer: Pacer,
    arrived: Callable[[int], None] | None = None,
) -> bool:
    """Write all that a reader gives to a file, from an offset on, and force it to the disk.

    Args:
        remote: Where.
        path: The file; it is made where the offset is 0, and must be there otherwise.
        reader: Gives the bytes that belong to the offset and beyond; it may wait for them.
        offset: Where in the file to begin.
        pacer: Holds back where a limit is set.
        arrived: Is told each time up to where the file is written.

    Returns:
        Whether the server said that the bytes are on its disk.
    """
    doing = f"Writing {path}"
    with _closing(remote, path, remote.open(path, "r+b" if offset else "xb")) as file:
        window: deque[tuple[int, Future[int], bytearray]] = deque()
        free: list[bytearray] = []

        def wait() -> None:
            end, written, buffer = window.popleft()
            remote.wait(doing, written, hint=USED_UP)
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
                written = remote.submit(file.write(piece, offset))
                offset += count
                window.append((offset, written, buffer))
                if len(window) == _PIECES:
                    wait()
            while window:
                wait()
        finally:
            # Also where the reader failed: what still arrives need not be sent again.
            remote.settle([written for _, written, _ in window])
        return remote.sync(path, file, offset)


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
        return self._remote.run(f"Reading {self._path}", self._file.stat()).size or 0

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
    """A file on the server, fetched ahead of what is read; the arguments are those of `Pieces`."""

    def __init__(self, remote: Remote, path: str, offset: int = 0) -> None:
        super().__init__()
        self._pieces = Pieces(remote, path, offset)
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


@contextmanager
def _closing(
    remote: Remote, path: str, file: asyncssh.SFTPClientFile
) -> Iterator[asyncssh.SFTPClientFile]:
    """Close a file that was written; whether that worked counts only where all else did."""
    try:
        yield file
    except BaseException:
        with suppress(LabferryError):
            remote.run(f"Closing {path}", file.close())
        raise
    remote.run(f"Closing {path}", file.close(), hint=USED_UP)
