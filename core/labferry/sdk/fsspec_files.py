"""What is used of fsspec's filesystems and files, typed."""

import io
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

from typing_extensions import override

from labferry.sdk.archive import ArchiveReader
from labferry.sdk.quantities import Pacer

__all__ = ["FileSystem", "Following", "Reading", "block_option", "sync"]


class FileSystem(Protocol):
    """What is used of `fsspec.AbstractFileSystem`."""

    def open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:  # noqa: ANN401 - a file of some driver's
        """A file."""

    def ls(self, path: str, detail: bool = True) -> list[dict[str, Any]]:  # noqa: FBT001, FBT002 - fsspec's signature
        """A folder's entries: `name`, `size` and `type` of each."""

    def info(self, path: str) -> dict[str, Any]:
        """One entry."""

    def isdir(self, path: str) -> bool:
        """Whether there is a folder."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - fsspec's signature
        """Make a folder and those above it."""

    def mv(self, path1: str, path2: str) -> None:
        """Move a file."""

    def cp_file(self, path1: str, path2: str) -> None:
        """Copy a file within the storage."""

    def rm_file(self, path: str) -> None:
        """Remove a file."""

    def invalidate_cache(self) -> None:
        """Forget listings."""


class Following:
    """A reader for a driver to read from that remembers what went wrong on its own side.

    Args:
        reader: What it reads from.
        pacer: Holds it back where a limit is set.

    Attributes:
        error: What the reader raised, which a driver may have wrapped or swallowed.
    """

    def __init__(self, reader: ArchiveReader | io.BytesIO, pacer: Pacer) -> None:
        self.error: BaseException | None = None
        self._reader = reader
        self._pacer = pacer

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; nothing at the end."""
        data = bytearray()
        try:
            # Drivers may take less than they asked for as the end: a piece is no whole answer.
            while size < 0 or len(data) < size:
                most = self._pacer.piece if size < 0 else min(self._pacer.piece, size - len(data))
                piece = self._reader.read(most)
                if not piece:
                    break
                self._pacer.take(len(piece))
                data += piece
        except BaseException as error:
            self.error = error
            raise
        return bytes(data)


class Reading(io.RawIOBase):
    """A stored file, its driver's errors made labferry's.

    Args:
        file: The driver's file.
        errors: What turns an error into one of labferry's.
    """

    def __init__(self, file: Any, errors: Callable[[], AbstractContextManager[None]]) -> None:  # noqa: ANN401 - a file of some driver's
        self._file = file
        self._errors = errors

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int:
        with self._errors():
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    @override
    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def block_option(size: int | None) -> dict[str, int]:
    """What to tell a filesystem that opens a file of how much to read or write at a time."""
    return {} if size is None else {"block_size": size}


def sync(file: Any) -> None:  # noqa: ANN401 - a file of some driver's
    """Force a local file to the disk; those of other storages have no descriptor."""
    file.flush()
    with suppress(AttributeError, OSError):
        os.fsync(file.fileno())
