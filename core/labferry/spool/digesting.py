"""Every checksum that an archive needs, computed beside its arrival."""

import errno
import hashlib
import os
from pathlib import Path
from threading import Condition, Thread

from labferry.sdk import Digests, LabferryError
from labferry.sdk.fast_zlib import crc32
from labferry.spool.errors import spool_errors

_CHUNK = 1 << 20


class Hasher:
    """CRC-32, SHA-256 and, if asked for, MD5 of a stream.

    Args:
        md5: Whether to compute MD5 too; it costs as much as the other two together.
    """

    def __init__(self, *, md5: bool = False) -> None:
        self.size = 0
        self._crc32 = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None

    def update(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take in the next bytes."""
        self.size += len(chunk)
        self._crc32 = crc32(chunk, self._crc32)
        self._sha256.update(chunk)
        if self._md5 is not None:
            self._md5.update(chunk)

    def digests(self) -> Digests:
        """The checksums of what was taken in so far."""
        md5 = None if self._md5 is None else self._md5.hexdigest()
        return Digests(sha256=self._sha256.hexdigest(), crc32=self._crc32, md5=md5)


class FileHasher:
    """Hashes a file while it grows, on a thread of its own.

    It reads what was written back from the page cache, so that the writer waits for nothing and
    what is hashed is what the file holds.

    Args:
        path: The file, for messages.
        file: Its descriptor, which stays open until `end`.
        md5: Whether to compute MD5 too.
    """

    def __init__(self, path: Path, file: int, *, md5: bool) -> None:
        self._path = path
        self._file = file
        self._hasher = Hasher(md5=md5)
        self._size = 0
        self._hashed = 0
        self._wanted = False
        self._ended = False
        self._error: LabferryError | None = None
        self._changed = Condition()
        self._thread: Thread | None = None

    def grow(self, size: int) -> None:
        """Tell how many bytes of the file are there for good."""
        with self._changed:
            self._size = size
            if self._thread is None and size:
                self._thread = Thread(target=self._work, name="hashing", daemon=True)
                self._thread.start()
            if self._is_due():
                self._changed.notify_all()

    def digests(self) -> Digests:
        """The checksums of all that is there, waiting until it is hashed.

        Raises:
            StateError: The file can't be read.
        """
        with self._changed:
            self._wanted = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._error or self._hashed >= self._size)
            self._wanted = False
            if self._error is not None:
                raise self._error
            return self._hasher.digests()

    def end(self) -> None:
        """Stop. May be called again."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        buffer = memoryview(bytearray(_CHUNK))
        while left := self._left():
            try:
                with spool_errors(self._path):
                    count = os.preadv(self._file, [buffer[:left]], self._hashed)
                    if not count:
                        raise OSError(errno.EIO, "it was cut short by something else")
                self._hasher.update(buffer[:count])
                with self._changed:
                    self._hashed += count
            except LabferryError as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return

    def _left(self) -> int:
        """How many bytes wait to be hashed, waiting for some; 0 when there will be none."""
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(self._is_due)
            return 0 if self._ended else self._size - self._hashed

    def _is_due(self) -> bool:
        """Whether there is enough to do: to wake up for each small piece would slow the writer."""
        waiting = self._size - self._hashed
        return self._ended or waiting >= _CHUNK or (self._wanted and waiting > 0)
