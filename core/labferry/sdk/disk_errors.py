"""What can go wrong with a disk, in labferry's words: each cause by its name, and what to do."""

import errno
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labferry.sdk.errors import (
    ConflictError,
    FullError,
    LabferryError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from labferry.sdk.ownership import foreign_owner, user_name

__all__ = ["ACCESS", "DESTINATION", "FULL", "READ_ONLY", "DiskUse", "FileKindError", "disk_errors"]


class FileKindError(OSError):
    """A link, FIFO, socket or device has the name of a file or a folder.

    Args:
        path: The name.
        kind: What it is, with its article.
        wanted: What it should be, with its article.
    """

    def __init__(self, path: Path, kind: str, wanted: str) -> None:
        number = errno.ELOOP if kind == "a link" else errno.EINVAL
        super().__init__(number, f"it is {kind}, not {wanted}", str(path))


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What a place on a disk is used for: the hints and classes of errors about it.

    Attributes:
        full: What to do if there is no space.
        access: What to do if permissions are missing.
        missing: What to do if the place is not there.
        other: What to do about anything else.
        taken: What to do if the name is taken.
        subject: What it is called in messages, before the path.
        error: The class of every error but `FullError`. None: `RefusedError`, `NotFoundError`,
            `ConflictError` or `TransientError`.
    """

    full: str
    access: str
    missing: str
    other: str = ""
    taken: str = ""
    subject: str = ""
    error: type[LabferryError] | None = None


DESTINATION = DiskUse(
    full="Free some space or raise the quota; the next run delivers what is missing.",
    access="Give the user that runs labferry read and write access to the folder.",
    missing="Is the disk mounted, and the path right?",
)
"""A place that archives are stored in."""

FULL = {
    errno.ENOSPC: "its disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is too large for its file system or for the limit of `ulimit -f`",
}
"""The numbers of errors that say that there is no room, and each in words."""

ACCESS = frozenset({errno.EACCES, errno.EPERM})
"""Those that say that permissions are missing."""

READ_ONLY = frozenset({errno.EROFS})
"""That which says that nobody can write there."""

_NO_INODES = "its file system has no free inodes"
_HINTS = {
    errno.EIO: "The disk, or the line to it, may be failing: see `dmesg`.",
    errno.ESTALE: "Its file server no longer knows it: mount the share again.",
}
_READ_ONLY = "Mount it for writing. Linux mounts a disk read-only after errors, too: see `dmesg`."


@contextmanager
def disk_errors(path: Path, use: DiskUse = DESTINATION) -> Iterator[None]:
    """Turn the operating system's errors into labferry's.

    Args:
        path: What is being used.
        use: What for.

    Raises:
        FullError: No space, quota or inodes left, or the file is too large.
        LabferryError: Anything else, see `DiskUse`.
    """
    try:
        yield
    except OSError as error:
        raise _classified(error, path, use) from error


def _classified(error: OSError, path: Path, use: DiskUse) -> LabferryError:
    number, reason = error.errno, error.strerror or str(error)
    what = f"{use.subject} {path}".strip()
    if number in FULL:
        if number == errno.ENOSPC and _has_no_inodes(path):
            hint = "Remove files that are not needed: `df -i` shows the inodes, not the space."
            return FullError(f"{what} can't be made: {_NO_INODES}.", hint=hint)
        return FullError(f"{what} can't be written: {FULL[number]}.", hint=use.full)
    kind: type[LabferryError] = TransientError
    hint = _HINTS.get(number or 0, use.other)
    text = f"{what} can't be used: {reason}."
    if isinstance(error, FileKindError):
        kind, hint = (
            ConflictError,
            "labferry follows no links here: remove it, or put the real one there.",
        )
        what = f"{use.subject} {error.filename or path}".strip()
        text = f"{what} can't be used: {reason}."
    elif number == errno.EEXIST:
        kind, hint = ConflictError, use.taken
        text = f"{what} exists already; it was not touched."
    elif number in READ_ONLY:
        kind, hint = RefusedError, _READ_ONLY
        text = f"{what} can't be written: {reason}."
    elif number in ACCESS:
        kind, hint = RefusedError, use.access
        if owner := foreign_owner(path):
            # As a run of root's leaves it.
            text = f"{what} can't be used: it belongs to {owner}."
            hint = f"Give it back: chown {user_name(os.geteuid())} {shlex.quote(str(path))}"
    elif number in {errno.ENOENT, errno.ENOTDIR}:
        kind, hint = NotFoundError, use.missing
        text = f"{what} is not there: {reason}."
    return (use.error or kind)(text, hint=hint)


def _has_no_inodes(path: Path) -> bool:
    """Whether there is space, but nothing to name a new file with."""
    for place in (path, *path.parents):
        try:
            found = os.statvfs(place)
        except OSError:
            continue
        return found.f_files > 0 and found.f_favail == 0 and found.f_bavail > 0
    return False
