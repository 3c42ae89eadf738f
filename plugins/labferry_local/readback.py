"""Reading back what a disk has of a file, while the rest of it is still being written."""

import errno
import fcntl
import hashlib
import io
import mmap
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Condition
from typing import BinaryIO, Self

from labferry_local.files import forget

_PIECE = 1 << 20


class ReadBack:
    """The SHA-256 of a file as its disk has it: read anew, and not from memory.

    Args:
        file: The file, open.
        again: The same file, opened once more to be read, and closed by `close`: how it is read
            is no concern of whoever writes it.
    """

    def __init__(self, file: BinaryIO, again: io.FileIO) -> None:
        self._written = file
        self._file = again
        self._reading = self._file.fileno()
        self._changed = Condition()
        self._there = 0
        self._is_whole = False
        self._is_abandoned = False
        self._forced = 0
        _pass_by_the_cache(self._file, wanted=True)
        # One of them hashes while the other reads on.
        self._threads = ThreadPoolExecutor(2, "read-back")
        self._digest = self._threads.submit(self._hash)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def follow(self, size: int) -> None:
        """Begin to read back what was written so far.

        Args:
            size: How many bytes of the file the system was given, and has begun to write.
        """
        with self._changed:
            self._there = size
            self._changed.notify_all()

    def sha256(self) -> str:
        """Of the whole file, forced to the disk.

        Raises:
            OSError: It can't be forced, or not be read.
        """
        self._written.flush()
        os.fsync(self._written.fileno())
        with self._changed:
            self._is_whole = True
            self._changed.notify_all()
        return self._digest.result()

    def close(self) -> None:
        """Read no further."""
        with self._changed:
            self._is_abandoned = True
            self._changed.notify_all()
        self._threads.shutdown()
        self._file.close()

    def _hash(self) -> str:
        digest, offset = hashlib.sha256(), 0
        # What is read past the cache must lie as pages do.
        memory = memoryview(mmap.mmap(-1, 2 * _PIECE))
        view, spare = memory[:_PIECE], memory[_PIECE:]
        reading = self._threads.submit(self._read, view, offset)
        while count := reading.result():
            offset += count
            reading = self._threads.submit(self._read, spare, offset)
            digest.update(view[:count])
            view, spare = spare, view
        return digest.hexdigest()

    def _read(self, view: memoryview, offset: int) -> int:
        if not self._is_forced(offset + len(view)):
            return 0
        try:
            return os.preadv(self._reading, [view], offset)
        except OSError as error:
            if error.errno not in {errno.EACCES, errno.EINVAL}:
                raise
            if error.errno == errno.EACCES:
                # A share of Windows holds the lock of whoever writes against all others.
                self._reading = self._written.fileno()
        # Not every file system can read past its cache, and many can't from an odd place on.
        _pass_by_the_cache(self._file, wanted=False)
        return os.preadv(self._reading, [view], offset)

    def _is_forced(self, end: int) -> bool:
        """Whether the disk has all up to there, or all there is; waits for it to be written."""
        if end > self._forced:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._is_abandoned or self._is_whole or self._there >= end
                )
                is_whole, there = self._is_whole, self._there
            if self._is_abandoned:
                return False
            if is_whole:
                forget(self._file, self._forced, 0)
                self._forced = sys.maxsize
            else:
                os.fdatasync(self._written.fileno())
                forget(self._file, self._forced, there - self._forced)
                self._forced = there
        return True


def _pass_by_the_cache(file: io.FileIO, *, wanted: bool) -> None:
    """Read a file from its disk, or server, itself: nothing is copied, and no memory is taken."""
    if hasattr(os, "O_DIRECT"):
        with suppress(OSError):
            flags = fcntl.fcntl(file, fcntl.F_GETFL) & ~os.O_DIRECT
            fcntl.fcntl(file, fcntl.F_SETFL, flags | (os.O_DIRECT if wanted else 0))
