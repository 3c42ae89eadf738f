"""What is particular to the files of a local destination: temporary ones, and writing to a disk."""

import os
import re
from contextlib import suppress
from typing import BinaryIO

from labferry.sdk import is_key
from labferry.sdk.files import Folder

UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.labferry-(part|check)")
"""What the names of files look like that are still being written."""

PART = ".labferry-part"
"""How the name of an archive or a manifest ends that is still being written."""

_LEFT = re.compile(r"\..*\.labferry-part")


def sweep(root: Folder) -> None:
    """Remove the temporary files whose writers died, as far as that is possible."""
    for entry in root.walk(is_key, unreadable=lambda *_: None):
        if entry.is_file and _LEFT.fullmatch(entry.name):
            with suppress(OSError):
                entry.folder.remove_abandoned(entry.name)


def begin_forcing(file: BinaryIO, offset: int, size: int) -> None:
    """Have the system begin to write a range to the disk, so that less is to be waited for later.

    It promises nothing: what is to be durable still has to be forced.
    """
    file.flush()
    forget(file, offset, size)


def forget(file: BinaryIO, offset: int, size: int) -> None:
    """Give up memory that holds a range; Linux begins to write what is not on the disk yet.

    Args:
        file: The file.
        offset: Where the range begins.
        size: How many bytes it has; 0 is all to the file's end.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(file.fileno(), offset, size, os.POSIX_FADV_DONTNEED)
