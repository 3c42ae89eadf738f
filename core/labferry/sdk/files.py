"""Files that others might have tampered with: the one way to make, open and remove them.

Whoever can write a folder can put a link, a FIFO or another folder in the place of what was there
a moment ago. So a `Folder` is opened once and stays open; everything in it is reached by its name
relative to that, no link is followed, nothing is opened that would block, and what was opened is
looked at before it is used. Everything here raises `OSError`; `disk_errors` makes it one of
labferry's errors.
"""

import errno
import io
import os
import select
import stat
import time
from contextlib import suppress
from pathlib import Path

from labferry.sdk.disk_errors import DESTINATION, DiskUse, FileKindError, disk_errors
from labferry.sdk.entry import Entry, require_kind
from labferry.sdk.file_locks import take_lock
from labferry.sdk.folder import Folder

__all__ = [
    "DESTINATION",
    "DiskUse",
    "Entry",
    "FileKindError",
    "Folder",
    "disk_errors",
    "make_private_folder",
    "read_small_file",
    "replace_file",
    "require_file",
    "take_lock",
    "write_all",
]

SMALL = 1 << 20
"""Bytes: more than a file with a key, a password or a certificate has."""

_PIECE = 1 << 16
_PIPE_SECONDS = 30.0


def require_file(path: Path) -> None:
    """Make sure that a path leads to a file, before it is given to what would wait for a FIFO.

    Raises:
        FileKindError: It is a FIFO, socket, device or folder.
        OSError: It is not there, or can't be looked at.
    """
    require_kind(path, path.stat(), stat.S_IFREG)


def read_small_file(path: Path, limit: int = SMALL) -> bytes:
    """All of a file that an administrator names: in little memory, and without waiting for ever.

    Links are followed. A pipe is read to its end, as a shell makes one of `<(...)`; it may take
    30 s. A FIFO that nobody writes is empty.

    Args:
        path: The file.
        limit: How many bytes it may have.

    Raises:
        FileKindError: It is a socket, device or folder.
        TimeoutError: It is a pipe, and its end did not come.
        OSError: It is too large, is not there, or can't be read.
    """
    require_kind(path, path.stat(), stat.S_IFREG, stat.S_IFIFO)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        require_kind(path, os.fstat(descriptor), stat.S_IFREG, stat.S_IFIFO)
        return _read_to_end(descriptor, limit)
    finally:
        os.close(descriptor)


def _read_to_end(descriptor: int, limit: int) -> bytes:
    ends = time.monotonic() + _PIPE_SECONDS
    content = bytearray()
    while len(content) <= limit:
        try:
            piece = os.read(descriptor, _PIECE)
        except BlockingIOError:
            left = ends - time.monotonic()
            if left <= 0 or not any(select.select([descriptor], [], [], left)):
                raise TimeoutError(
                    errno.ETIMEDOUT, f"whoever writes it did not end within {_PIPE_SECONDS:g} s"
                ) from None
            continue
        if not piece:
            return bytes(content)
        content += piece
    raise OSError(errno.EFBIG, f"it is larger than {limit} bytes")


def make_private_folder(path: Path) -> None:
    """Make a folder for this user alone, and those above it, if it is not there.

    Raises:
        FileKindError: Something else has its name.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise FileKindError(path, "a file", "a folder") from None


def replace_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file in one step: whoever opens it sees the old content or the new one.

    A link under that name is replaced, not followed.

    Args:
        path: The file; links in the path of its folder are followed.
        content: All of it.
        mode: Its permissions. None: those that a file of this user has, or else for its owner
            alone.
    """
    with Folder.at(path.parent) as folder:
        folder.sweep()
        if mode is None:
            mode = _mode_of_own(folder, path.name)
        with folder.new_file(path.name, mode=0o600, overwrite=True) as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)


def write_all(file: io.FileIO, data: bytes | memoryview) -> None:
    """Write all of it, which a file without a buffer need not do at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def _mode_of_own(folder: Folder, name: str) -> int:
    with suppress(FileNotFoundError):
        there = folder.stat(name)
        if stat.S_ISREG(there.st_mode) and there.st_uid == os.geteuid():
            return stat.S_IMODE(there.st_mode) & 0o777
    return 0o600
