"""The reader that follows a growing file and withholds its end."""

import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from typing_extensions import override

from labferry.sdk import ArchiveReader, StateError
from labferry.spool.errors import open_for_reading, spool_errors


class _Growing(Protocol):
    size: int

    def wait_beyond(self, offset: int, generation: int) -> int: ...


class FollowingReader(ArchiveReader):
    """A reader over a file in the spool.

    Args:
        growing: Tells how far the file may be read, and waits.
        path: The file. It is opened anew, so that it may be unlinked while it is read.
        generation: Which life of the file this reader belongs to.
        offset: Where to begin.
    """

    def __init__(self, growing: _Growing, path: Path, generation: int, offset: int) -> None:
        self._growing = growing
        self._generation = generation
        self._position = offset
        self._path = path
        self._closed = True
        self._file = open_for_reading(path)
        self._closed = False

    @override
    def read(self, size: int = -1, /) -> bytes:
        left = max(0, self._growing.size - self._position)
        wanted = left if size < 0 else min(size, left)
        if not wanted and size:
            # At the very end nothing is left to read, but the verdict still has to be waited for.
            self._wait()
        whole = self._read_at_once(wanted)
        if whole is not None:
            return whole
        buffer = bytearray(wanted)
        count = self.readinto(buffer)
        return bytes(memoryview(buffer)[:count])

    @override
    def readinto(self, buffer: bytearray | memoryview, /) -> int:
        view = memoryview(buffer)
        filled = 0
        while filled < len(view):
            end = self._wait()
            if end <= self._position:
                break
            count = self._read(view[filled : filled + end - self._position])
            filled += count
            self._position += count
        return filled

    def _read_at_once(self, wanted: int) -> bytes | None:
        """Bytes that are all there already, without a copy in between; None where some are not."""
        if not wanted or self._wait() - self._position < wanted:
            return None
        with spool_errors(self._path):
            found = os.pread(self._file, wanted, self._position)
        if len(found) < wanted:
            return None
        self._position += wanted
        return found

    def _read(self, view: memoryview) -> int:
        with spool_errors(self._path):
            count = os.preadv(self._file, [view], self._position)
        if count == 0:
            # A download that began anew cut the file short after this reader was let go on.
            self._wait()
            raise StateError(f"The spool file {self._path} was cut short by something else.")
        return count

    def _wait(self) -> int:
        return self._growing.wait_beyond(self._position, self._generation)

    @override
    def tell(self) -> int:
        return self._position

    @override
    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._file)

    @override
    def __enter__(self) -> Self:
        return self

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
