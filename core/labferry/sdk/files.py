"""Files that others might have tampered with: the one way to make, open and remove them.

Whoever can write a folder can put a link, a FIFO or another folder in the place of what was there
a moment ago. So a `Folder` is opened once and stays open; everything in it is reached by its name
relative to that, no link is followed, nothing is opened that would block, and what was opened is
looked at before it is used. Everything here raises `OSError`; `disk_errors` makes it one of
labferry's errors.
"""

import io
import os
import stat
from contextlib import suppress
from pathlib import Path

from labferry.sdk.disk_errors import DESTINATION, DiskUse, FileKindError, disk_errors
from labferry.sdk.entry import Entry
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
    "replace_file",
    "take_lock",
    "write_all",
]


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
