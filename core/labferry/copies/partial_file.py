"""The file that a restore writes: under a hidden name until it is whole, and then published.

The folder that it goes to may belong to somebody else. It is opened once and stays open, so that
nobody can put another one, or a link, in its place meanwhile.
"""

import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from labferry.runtime.stop import Stop
from labferry.sdk import ConflictError, FullError, LabferryError, LockHeldError, RefusedError
from labferry.sdk.files import DiskUse, Folder, disk_errors, take_lock, write_all

_CHUNK = 1 << 20
_PASSING = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_MOST_LINKS = 40

RESTORE = DiskUse(
    full="Free some space, or restore to a larger disk. The same command then continues.",
    access="Restore to another place.",
    missing="Is its disk mounted?",
    other="Restore to another disk.",
)
"""A place to restore to."""


class Hash(Protocol):
    """A digest that is being computed, as hashlib has them."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """The digest of what was taken in so far."""


def open_target(path: Path) -> Folder:
    """Open a folder to restore to, and hold it open.

    Links on the way are followed if they belong to root or to us: whoever owns another one would
    choose where we write.

    Args:
        path: The folder.

    Raises:
        RefusedError: A link on the way belongs to another user.
        OSError: It can't be opened.
    """
    left, links = [*reversed(path.absolute().parts[1:])], 0
    at = os.open("/", _PASSING)
    try:
        while left:
            name = left.pop()
            try:
                below = os.open(name, _PASSING | os.O_NOFOLLOW, dir_fd=at)
            except OSError as error:
                links += 1
                if error.errno not in {errno.ELOOP, errno.ENOTDIR} or links > _MOST_LINKS:
                    raise
                target = Path(_own_link(name, at, path))
                left += reversed(target.parts[1:] if target.is_absolute() else target.parts)
                below = os.open("/" if target.is_absolute() else ".", _PASSING, dir_fd=at)
            os.close(at)
            at = below
        return Folder(path, os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=at))
    finally:
        os.close(at)


def _own_link(name: str, at: int, path: Path) -> str:
    """Where a link leads, if whoever owns it may choose that."""
    status = os.stat(name, dir_fd=at, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
    target = os.readlink(name, dir_fd=at)
    if status.st_uid not in {0, os.geteuid()}:
        raise RefusedError(
            f"On the way to {path}, {name} is a link that belongs to another user.",
            hint=f"It leads to {target!r}. If that is right, name that folder instead.",
        )
    return target


def require_space(folder: Path | Folder, size: int) -> None:
    """Make sure that so many bytes can be written into a folder.

    Raises:
        FullError: They can't.
    """
    if isinstance(folder, Path):
        with disk_errors(folder, RESTORE), Folder.at(folder) as opened:
            require_space(opened, size)
        return
    with disk_errors(folder.path, RESTORE):
        free = folder.free()
    if size > free:
        raise FullError(
            f"This needs {size} bytes in {folder.path}, but only {free} are free.",
            hint="Free some space, or name a folder on a larger disk.",
        )


class PartialFile:
    """A partial file, ours alone while it is open; the same name at every try of the same archive.

    It stays when the block ends with an error, for the next try to go on with.

    Args:
        path: The folder that the archive goes to.
        sha256: The SHA-256 of what is to come, so that another archive's is never taken up.

    Attributes:
        path: The partial file.
        folder: The folder that it is in, held open.
        file: The partial file, to read.
        error: Why it could not be written, once it could not: no fault of what was to come.

    Raises:
        LockHeldError: Another restore is writing it.
        ConflictError: Somebody else's file has its name.
    """

    def __init__(self, path: Path, sha256: str) -> None:
        self.path = path / partial_name(sha256)
        self.error: LabferryError | None = None
        with disk_errors(path, RESTORE):
            self.folder = open_target(path)
        try:
            with disk_errors(self.path, RESTORE):
                self.file = self._open()
        except BaseException:
            self.folder.close()
            raise

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
        self.file.close()
        self.folder.close()

    @property
    def size(self) -> int:
        """How many bytes are there."""
        return os.fstat(self.file.fileno()).st_size

    def resume(self, size: int, stop: Stop) -> Hash:
        """Be ready to go on behind what is there; its digest so far.

        Args:
            size: How many bytes there will be; what has more is begun anew.
            stop: Ends the reading.
        """
        digest = hashlib.sha256()
        if self.size > size:
            self.restart()
        with self._errors():
            self.file.seek(0)
            while chunk := self.file.read(_CHUNK):
                stop.check()
                digest.update(chunk)
        return digest

    def reserve(self, size: int) -> None:
        """Make sure that there is space for what is still missing of so many bytes.

        Raises:
            FullError: There is not.
        """
        with self._errors():
            require_space(self.folder, size - self.size)

    def restart(self) -> None:
        """Forget what is there."""
        with self._errors():
            self.file.seek(0)
            self.file.truncate()

    def write(self, data: bytes) -> None:
        """Add to the end."""
        with self._errors():
            write_all(self.file, data)

    def force(self) -> None:
        """Force all that is there to the disk."""
        with self._errors():
            os.fsync(self.file.fileno())

    def publish(self, name: str, *, overwrite: bool) -> None:
        """Give the file its final name, in the same folder.

        Raises:
            ConflictError: Something has that name, and must not be overwritten.
        """
        self.force()
        target = self.path.with_name(name)
        with disk_errors(target, RESTORE):
            try:
                (self.folder.replace if overwrite else self.folder.publish)(self.path.name, name)
            except FileExistsError:
                raise is_taken(target) from None
            if not os.path.samestat(self.folder.stat(name), os.fstat(self.file.fileno())):
                raise ConflictError(
                    f"{target} is not the file that was just written: somebody else replaced it.",
                    hint="Restore to a folder that only you can write.",
                )
            self.folder.sync()

    def discard(self) -> None:
        """Remove the partial file."""
        discard(self.folder, self.path.name)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with disk_errors(self.path, RESTORE):
                yield
        except LabferryError as error:
            self.error = error
            raise

    def _open(self) -> io.FileIO:
        """The file, made if need be, locked, and of this name only."""
        while True:
            # Without a buffer: what is not on its way to the disk does not count as there.
            file = self.folder.open_or_create(self.path.name, 0o600)
            try:
                if self._is_fit(file):
                    return file
            except BaseException:
                file.close()
                raise
            file.close()

    def _is_fit(self, file: io.FileIO) -> bool:
        try:
            take_lock(file, wait=False)
        except BlockingIOError:
            raise LockHeldError(
                f"Another restore is writing {self.path}.",
                hint="Let it finish, or end it first.",
            ) from None
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise ConflictError(
                f"{self.path} belongs to another user.", hint="Remove it, and try again."
            )
        if status.st_nlink == 1:
            return True
        # It has another name: a restore was killed just when it was published. That file is not
        # ours to write to any more.
        if status.st_nlink > 1:
            self.folder.unlink(self.path.name)
        return False


def partial_name(sha256: str) -> str:
    """The name of the partial file of an archive, by the SHA-256 of what is to come."""
    return f".labferry-{sha256[:32]}.part"


def discard(folder: Folder, name: str) -> None:
    """Remove a file, if it is there and can be removed."""
    try:
        folder.unlink(name)
    except OSError:
        return


def is_taken(target: Path) -> ConflictError:
    """The error if something has the name that a restored file should have."""
    return ConflictError(
        f"{target} exists already and was not touched.",
        hint="Name another file, or use --force to overwrite it.",
    )
