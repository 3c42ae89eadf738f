"""Sending and fetching with several requests under way, so that no round trip is waited out."""

import hashlib
import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress

import asyncssh
from typing_extensions import Buffer, override

from labferry.sdk import ArchiveReader, LabferryError, Pacer
from labferry_sftp.remote import Remote

__all__ = ["IN_FLIGHT", "RemoteReader", "send", "sha256_of"]

# asyncssh cuts each piece into requests of the size that the server takes; four at a time keep
# as many bytes on their way as OpenSSH's own client does, and memory small.
_PIECE = 4 * 255 * 1024
_PIECES = 4
IN_FLIGHT = _PIECE * _PIECES
"""How many bytes at most were sent and are not known to have arrived."""


def send(remote: Remote, path: str, reader: ArchiveReader, offset: int, pacer: Pacer) -> bool:
    """Write all that a reader gives to a file, from an offset on, and force it to the disk.

    Args:
        remote: Where.
        path: The file; it is made where the offset is 0, and must be there otherwise.
        reader: Gives the bytes that belong to the offset and beyond; it may wait for them.
        offset: Where in the file to begin.
        pacer: Holds back where a limit is set.

    Returns:
        Whether the server said that the bytes are on its disk.
    """
    doing = f"Writing {path}"
    with _closing(remote, path, remote.open(path, "r+b" if offset else "xb")) as file:
        window: deque[Future[int]] = deque()
        begin = offset
        try:
            while piece := reader.read(min(_PIECE, pacer.piece)):
                pacer.take(len(piece))
                window.append(remote.submit(file.write(piece, offset)))
                offset += len(piece)
                if len(window) == _PIECES:
                    remote.wait(doing, window.popleft())
            while window:
                remote.wait(doing, window.popleft())
        finally:
            # Also where the reader failed: what still arrives need not be sent again.
            remote.settle(window)
        return remote.sync(path, file, offset - begin)


def sha256_of(remote: Remote, path: str) -> str:
    """The SHA-256 of a file, every byte of it fetched."""
    digest = hashlib.sha256()
    with RemoteReader(remote, path) as file:
        while piece := file.next_piece():
            digest.update(piece)
    return digest.hexdigest()


class RemoteReader(io.RawIOBase):
    """A file on the server, fetched ahead of what is read.

    Args:
        remote: Where.
        path: The file.
        offset: Where to begin.

    Raises:
        NotFoundError: There is no such file.
    """

    def __init__(self, remote: Remote, path: str, offset: int = 0) -> None:
        super().__init__()
        self._remote = remote
        self._path = path
        self._file = remote.open(path, "rb")
        self._asked = offset
        self._window: deque[Future[bytes]] = deque()
        self._piece = memoryview(b"")
        self._size = remote.run(f"Reading {path}", self._file.stat()).size or 0

    def next_piece(self) -> bytes:
        """The next bytes, however many there are; nothing at the end."""
        while self._asked < self._size and len(self._window) < _PIECES:
            count = min(_PIECE, self._size - self._asked)
            self._window.append(self._remote.submit(self._file.read(count, self._asked)))
            self._asked += count
        if not self._window:
            return b""
        return self._remote.wait(f"Reading {self._path}", self._window.popleft())

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        if not self._piece:
            self._piece = memoryview(self.next_piece())
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._piece))
        target[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    @override
    def close(self) -> None:
        if not self.closed:
            while self._window:
                self._window.pop().cancel()
            with suppress(LabferryError):  # nothing is lost with the connection
                self._remote.run(f"Closing {self._path}", self._file.close())
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
    remote.run(f"Closing {path}", file.close())
