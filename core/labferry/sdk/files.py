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
from labferry.sdk.file_locks import take_lock
from labferry.sdk.folder import Entry, Folder

__all__ = [
    "DESTINATION",
    "DiskUse",
    "Entry",
    "FileKindError",
    "Folder",
    "disk_errors",
    "replace_file",
    "take_lock",
    "write_all",
]


def replace_file(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file in one step: whoever opens it sees the old content or the new one.

    A link under that name is replaced, not followed. A file of this user keeps its permissions.

    Args:
        path: The file; links in the path of its folder are followed.
        content: All of it.
        mode: The permissions of a new file.
    """
    with Folder.at(path.parent) as folder:
        with suppress(FileNotFoundError):
            there = folder.stat(path.name)
            if stat.S_ISREG(there.st_mode) and there.st_uid == os.geteuid():
                mode = stat.S_IMODE(there.st_mode)
        with folder.new_file(path.name, mode=0o600, overwrite=True) as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)


def write_all(file: io.FileIO, data: bytes | memoryview) -> None:
    """Write all of it, which a file without a buffer need not do at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]
