"""Every checksum that an archive needs, computed beside its arrival."""

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread

from labferry.sdk import Digests, LabferryError
from labferry.sdk.fast_zlib import crc32
from labferry.spool.errors import spool_errors

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class HasherOptions:
    """Which digests to compute beside CRC-32 and SHA-256; each costs as much as those two."""

    md5: bool = False
    sha1: bool = False
    sha512: bool = False

    @property
    def names(self) -> list[str]:
        """Their names in `hashlib`."""
        wanted = {"md5": self.md5, "sha1": self.sha1, "sha512": self.sha512}
        return [name for name, is_wanted in wanted.items() if is_wanted]


class Hasher:
    """CRC-32, SHA-256 and what else is asked for of a stream.

    Args:
        options: What else.
    """

    def __init__(self, options: HasherOptions | None = None) -> None:
        self.size = 0
        self._crc32 = 0
        self._sha256 = hashlib.sha256()
        names = (options or HasherOptions()).names
        self._others = {name: hashlib.new(name, usedforsecurity=False) for name in names}

    def update(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take in the next bytes."""
        self.size += len(chunk)
        self._crc32 = crc32(chunk, self._crc32)
        self._sha256.update(chunk)
        for other in self._others.values():
            other.update(chunk)

    def digests(self) -> Digests:
        """The checksums of what was taken in so far."""
        others = {name: other.hexdigest() for name, other in self._others.items()}
        return Digests(sha256=self._sha256.hexdigest(), crc32=self._crc32, **others)


class FileHasher:
    """Hashes a file while it grows, on a thread of its own.

    It reads what was written back from the page cache, so that the writer waits for nothing and
    what is hashed is what the file holds.

    Args:
        path: The file, for messages.
        file: Its descriptor, which stays open until `end`.
        options: What to compute beside CRC-32 and SHA-256.
    """

    def __init__(self, path: Path, file: int, options: HasherOptions) -> None:
        self._path = path
        self._file = file
        self._hasher = Hasher(options)
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
