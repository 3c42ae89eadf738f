"""What is particular to the files of a local destination: temporary ones, and writing to a disk."""

import os
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from labferry.sdk import MANIFEST_SUFFIX, is_key
from labferry.sdk.files import Entry, Folder

UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.labferry-(part|check)")
"""What the names of files look like that are still being written."""

PART = ".labferry-part"
"""How the name of an archive or a manifest ends that is still being written."""

_LEFT = re.compile(r"\..*\.labferry-part")


_LOOKED_AT = 10_000
"""How many files behind a link are looked at to see whether they are archives."""


def sweep(root: Folder) -> None:
    """Remove the temporary files whose writers died, as far as that is possible."""
    for entry in root.walk(is_key, unreadable=lambda *_: None):
        if entry.is_file and _LEFT.fullmatch(entry.name):
            with suppress(OSError):
                entry.folder.remove_abandoned(entry.name)


def hides_archives(root: Path, entry: Entry) -> bool:
    """Whether a link below the root leads to a folder with archives somewhere else."""
    path = root / entry.key
    try:
        is_elsewhere = not path.resolve().is_relative_to(root.resolve())
        if not is_key(entry.key) or not is_elsewhere:
            return False
        with Folder.at(path) as behind:
            found = islice(behind.walk(is_key, unreadable=lambda *_: None), _LOOKED_AT)
            return any(each.name.endswith(MANIFEST_SUFFIX) for each in found)
    except (OSError, RuntimeError):  # it leads nowhere, or in a circle
        return False


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
