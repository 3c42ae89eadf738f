"""Files that appear whole or not at all, and are still there after a power cut."""

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from labferry.sdk import (
    ConflictError,
    FullError,
    LabferryError,
    NotFoundError,
    RefusedError,
    TransientError,
)

UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.labferry-(part|check)")
"""What the names of files look like that are still being written."""

_TEMPORARY = ".labferry-part"
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_MISSING = {errno.ENOENT, errno.ENOTDIR}


@contextmanager
def new_file(target: Path) -> Iterator[BinaryIO]:
    """A file to write and read, under a temporary name beside its final one.

    When the block ends, the content is forced to the disk and appears under the final name; when
    it raises, nothing is left. The lock tells a file that is being written from one whose writer
    died, see `sweep`.

    Raises:
        ConflictError: The final name is taken.
    """
    temporary, file = _begin(target.parent)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            _publish(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)


def _begin(folder: Path) -> tuple[Path, BinaryIO]:
    while True:
        # The final name is not part of it: that may be as long as a name can be.
        temporary = folder / f".{secrets.token_hex(8)}{_TEMPORARY}"
        file = temporary.open("x+b")
        try:
            _lock(file)
        except BaseException:
            file.close()
            temporary.unlink(missing_ok=True)
            raise
        if temporary.exists():
            return temporary, file
        # Swept by another process before it was locked.
        file.close()


def _lock(file: BinaryIO) -> None:
    """Lock a file, where the file system can: one that can't does not let `sweep` lock either."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _publish(temporary: Path, target: Path) -> None:
    """Give the file its final name, which no other file may have: a link never overwrites."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        raise ConflictError(f"{target} exists already; it was not touched.") from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            raise ConflictError(f"{target} exists already; it was not touched.") from None
        temporary.rename(target)


def sweep(root: Path) -> None:
    """Remove the temporary files whose writers died, as far as that is possible."""
    for path in root.rglob(f".*{_TEMPORARY}"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def is_abandoned(path: Path) -> bool:
    """Whether nobody is writing a temporary file any more, as far as that can be told."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in _NO_LOCKS
    return True


def probe_name() -> str:
    """A name for a file that is written only to see whether that can be done."""
    return f".{secrets.token_hex(8)}.labferry-check"


def make_folder(folder: Path, root: Path) -> None:
    """Make a folder below an existing root, each level forced to the disk."""
    if folder == root or folder.is_dir():
        return
    make_folder(folder.parent, root)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into labferry's."""
    try:
        yield
    except OSError as error:
        raise _classified(error, path) from error


def _classified(error: OSError, path: Path) -> LabferryError:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return FullError(
            f"No space left for {path}: {reason}.",
            hint="Free some space or raise the quota; the next run delivers what is missing.",
        )
    if error.errno in _REFUSED:
        return RefusedError(
            f"{path} may not be used: {reason}.",
            hint="Give the user that runs labferry read and write access to the folder.",
        )
    if error.errno in _MISSING:
        return NotFoundError(
            f"{path} is not there: {reason}.",
            hint="Is the disk mounted, and the path right?",
        )
    return TransientError(f"{path} can't be used now: {reason}.")
