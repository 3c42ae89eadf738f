"""The file that a restore writes: under a hidden name until it is whole, and then published."""

import errno
import fcntl
import hashlib
import io
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from labferry.copies.reader import Hash
from labferry.runtime.stop import Stop
from labferry.sdk import (
    ConflictError,
    FullError,
    LabferryError,
    LockHeldError,
    NotFoundError,
    RefusedError,
)

_CHUNK = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_MISSING = {errno.ENOENT, errno.ENOTDIR}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's errors about a place to restore to into labferry's."""
    try:
        yield
    except OSError as error:
        raise _classified(error, path) from error


def _classified(error: OSError, path: Path) -> LabferryError:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return FullError(
            f"No space left for {path}: {reason}.",
            hint="Free some, or restore to a larger disk; the same command goes on where it was.",
        )
    if error.errno in _REFUSED:
        return RefusedError(f"{path} can't be written: {reason}.", hint="Restore to another place.")
    if error.errno in _MISSING:
        return NotFoundError(f"{path} is not there: {reason}.", hint="Is its disk mounted?")
    return LabferryError(f"{path} can't be used: {reason}.", hint="Restore to another disk.")


def require_space(folder: Path, size: int) -> None:
    """Make sure that so many bytes can be written into a folder.

    Raises:
        FullError: They can't.
    """
    with disk_errors(folder):
        free = shutil.disk_usage(folder).free
    if size > free:
        raise FullError(
            f"This needs {size} bytes in {folder}, but only {free} are free.",
            hint="Free some, or name a folder on a larger disk.",
        )


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class PartialFile:
    """A partial file, ours alone while it is open; the same name at every try of the same archive.

    It stays when the block ends with an error, for the next try to go on with.

    Args:
        folder: Where the archive goes.
        content: The SHA-256 of what is to land, so that another archive's is never taken up.

    Attributes:
        path: The partial file.
        error: Why it could not be written, once it could not: no fault of what was to land.

    Raises:
        LockHeldError: Another restore is writing it.
    """

    def __init__(self, folder: Path, content: str) -> None:
        self.path = partial_path(folder, content)
        self.error: LabferryError | None = None
        with disk_errors(self.path):
            self._file = _open_ours(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.size == 0:
            self.discard()
        self._file.close()

    @property
    def size(self) -> int:
        """How many bytes have landed."""
        return os.fstat(self._file.fileno()).st_size

    def resume(self, size: int, stop: Stop) -> Hash:
        """Be ready to go on behind what has landed; its digest so far.

        Args:
            size: How many bytes there will be; what has more is begun anew.
            stop: Ends the reading.
        """
        digest = hashlib.sha256()
        if self.size > size:
            self.restart()
        with self._errors():
            self._file.seek(0)
            while chunk := self._file.read(_CHUNK):
                stop.check()
                digest.update(chunk)
        return digest

    def reserve(self, size: int) -> None:
        """Make sure that there is space for what is still missing of so many bytes.

        Raises:
            FullError: There is not.
        """
        with self._errors():
            require_space(self.path.parent, size - self.size)

    def restart(self) -> None:
        """Forget what has landed."""
        with self._errors():
            self._file.seek(0)
            self._file.truncate()

    def write(self, data: bytes) -> None:
        """Add to the end."""
        rest = memoryview(data)
        with self._errors():
            while rest:
                rest = rest[self._file.write(rest) :]

    def force(self) -> None:
        """Force all that has landed to the disk."""
        with self._errors():
            os.fsync(self._file.fileno())

    def publish(self, target: Path, *, overwrite: bool) -> None:
        """Give the file its final name, in the same folder.

        Raises:
            ConflictError: Something has that name, and must not be overwritten.
        """
        self.force()
        with disk_errors(target):
            if overwrite:
                self.path.replace(target)
            else:
                _link(self.path, target)
            sync_folder(target.parent)

    def discard(self) -> None:
        """Remove the partial file."""
        with suppress(OSError):
            self.path.unlink()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with disk_errors(self.path):
                yield
        except LabferryError as error:
            self.error = error
            raise


def partial_path(folder: Path, content: str) -> Path:
    """Where the partial file of an archive is, by the SHA-256 of what is to land."""
    return folder / f".labferry-{content[:32]}.part"


def _open_ours(path: Path) -> io.FileIO:
    """The file, made if need be, locked, and of this name only."""
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        # Without a buffer: what is not on its way to the disk is not taken for landed.
        file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        try:
            if _is_fit(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _is_fit(file: io.FileIO, path: Path) -> bool:
    _lock(file, path)
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        raise ConflictError(f"{path} is not a file of ours.", hint="Remove it, and try again.")
    if status.st_nlink == 1:
        return True
    # It has another name: a restore was killed just when it was published. That file is not ours
    # to write to any more.
    if status.st_nlink > 1:
        path.unlink(missing_ok=True)
    return False


def _lock(file: io.FileIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LockHeldError(
            f"Another restore is writing {path}.", hint="Let it finish, or end it first."
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _link(path: Path, target: Path) -> None:
    """A link never overwrites; where there are none, a look before the rename has to do."""
    try:
        target.hardlink_to(path)
    except FileExistsError:
        raise _is_taken(target) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            raise _is_taken(target) from None
        path.rename(target)
    else:
        path.unlink()


def _is_taken(target: Path) -> ConflictError:
    return ConflictError(
        f"{target} exists already and was not touched.",
        hint="Name another file, or say --force to overwrite it.",
    )
