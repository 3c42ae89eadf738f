"""A folder that stays open, and the files in it; `labferry.sdk.files` says why."""

import errno
import io
import logging
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from labferry.sdk.disk_errors import FileKindError
from labferry.sdk.entry import Entry, kind_of, require_kind
from labferry.sdk.file_locks import lock_is_free, take_lock

__all__ = ["Folder"]

_log = logging.getLogger(__name__)

_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC
_DEPTH = 16
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
_NO_FOLDER_SYNC = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EBADF, errno.ENOSYS}
_unforced: set[int] = set()


class Folder:
    """A folder that is held open, so that nobody can put another one in its place.

    Args:
        path: What to call it in messages.
        descriptor: The open folder; closed by `close`.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def at(cls, path: Path) -> Self:
        """Open a folder by its path, in which links are followed: it is the administrator's."""
        return cls(path, os.open(path, _FOLDER))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def status(self) -> os.stat_result:
        """Of the folder itself."""
        return os.fstat(self._descriptor)

    def is_at(self, path: Path) -> bool:
        """Whether this is still the folder that a path leads to."""
        try:
            return os.path.samestat(path.stat(), self.status())
        except (FileNotFoundError, NotADirectoryError):
            return False

    def free(self) -> int:
        """How many bytes can be written to its file system."""
        return shutil.disk_usage(self._descriptor).free

    def names(self) -> list[str]:
        """Everything in it, sorted."""
        return sorted(os.listdir(self._descriptor))  # noqa: PTH208 - a path has no descriptor

    def stat(self, name: str) -> os.stat_result:
        """Of something in it; of a link itself."""
        return os.stat(self._checked(name), dir_fd=self._descriptor, follow_symlinks=False)

    def size(self, name: str) -> int:
        """Of a regular file in it.

        Raises:
            FileKindError: It is a link, FIFO, socket, device or folder.
        """
        status = self.stat(name)
        self._require_file(name, status)
        return status.st_size

    def has(self, name: str) -> bool:
        """Whether anything has that name."""
        try:
            self.stat(name)
        except FileNotFoundError:
            return False
        return True

    def folder(self, name: str, *, make: bool = False, mode: int = 0o777) -> "Folder":
        """Open a folder in it.

        Args:
            name: Its name.
            make: Whether to make it, forced to the disk, if it is not there.
            mode: The permissions of a new one, before the umask.

        Raises:
            FileKindError: It is a link or no folder.
        """
        path = self.path / name
        if make and not self.has(name):
            with suppress(FileExistsError):
                os.mkdir(name, mode, dir_fd=self._descriptor)
            self.sync()
        try:
            descriptor = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno in {errno.ENOTDIR, errno.ELOOP}:
                raise FileKindError(path, kind_of(self.stat(name)), "a folder") from None
            raise
        return Folder(path, descriptor)

    def descend(self, key: str, *, make: bool = False) -> "Folder":
        """Open a folder below it: several names with `/` between them; itself for none."""
        found = Folder(self.path, os.dup(self._descriptor))
        for name in filter(None, key.split("/")):
            with found as parent:
                found = parent.folder(name, make=make)
        return found

    def walk(
        self,
        enter: Callable[[str], bool],
        *,
        unreadable: Callable[[str, OSError], None] | None = None,
        prefix: str = "",
    ) -> Iterator[Entry]:
        """Everything below it, in the order of names; of folders that are not entered, themselves.

        What vanishes meanwhile is left out, and what lies unreasonably deep is not entered.

        Args:
            enter: Whether to look into a folder, given its key.
            unreadable: Called with the key of a folder that may not be read, and the error, which
                is raised otherwise.
            prefix: What every key begins with.
        """
        for name in self.names():
            entry = self._entry(name, prefix)
            if entry is None:
                continue
            if not entry.is_folder or entry.key.count("/") >= _DEPTH or not enter(entry.key):
                yield entry
                continue
            try:
                below = self.folder(name)
            except (FileNotFoundError, FileKindError):  # exchanged since
                continue
            except PermissionError as error:
                if unreadable is None:
                    raise
                unreadable(entry.key, error)
                continue
            with below:
                yield from below.walk(enter, unreadable=unreadable, prefix=f"{entry.key}/")

    def open(self, name: str, *, write: bool = False) -> io.FileIO:
        """Open a regular file that is there, without a buffer.

        Raises:
            FileKindError: It is a link, FIFO, socket, device or folder.
        """
        # A look first: a device does things when it is opened, a writer of a FIFO goes on.
        self._require_file(name, self.stat(name))
        flags = (os.O_RDWR if write else os.O_RDONLY) | _SAFE
        return self._opened(name, flags, "r+" if write else "r")

    def read(self, name: str, limit: int) -> bytes:
        """The content of a regular file, cut short behind so many bytes."""
        with io.BufferedReader(self.open(name)) as file:
            return file.read(limit)

    def create(self, name: str, mode: int = 0o666) -> io.FileIO:
        """Make a file, to write and read, without a buffer.

        Args:
            name: Its name.
            mode: Its permissions, before the umask.

        Raises:
            FileExistsError: Something has that name.
        """
        return self._opened(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE, "r+", mode)

    def open_or_create(self, name: str, mode: int = 0o600) -> io.FileIO:
        """Open a regular file to write and read, or make it; without a buffer."""
        with suppress(FileNotFoundError):
            self._require_file(name, self.stat(name))
        return self._opened(name, os.O_RDWR | os.O_CREAT | _SAFE, "r+", mode)

    @contextmanager
    def new_file(
        self, name: str, *, mode: int = 0o666, overwrite: bool = False, suffix: str = ".tmp"
    ) -> Iterator[io.BufferedRandom]:
        """A file to write and read, that appears under its name when all of it is on the disk.

        If the block raises, nothing is left. The file is locked meanwhile, so that the file of a
        writer which died can be distinguished from others, see `is_abandoned`.

        Args:
            name: The final name.
            mode: The permissions, before the umask.
            overwrite: Whether it may replace what has that name.
            suffix: How the temporary name ends, behind a dot and 16 hexadecimal digits: `name`
                itself may be as long as a name can be.

        Raises:
            FileExistsError: Something has that name.
        """
        temporary, raw = self._begin(suffix, mode)
        try:
            with io.BufferedRandom(raw) as file:
                yield file
                file.flush()
                os.fsync(raw.fileno())
                (self.replace if overwrite else self.publish)(temporary, name)
                if not os.path.samestat(self.stat(name), os.fstat(raw.fileno())):
                    raise FileKindError(self.path / name, "another file", "the one just written")
        finally:
            # After a rename, nothing has that name.
            with suppress(OSError):
                self.unlink(temporary)
        self.sync()

    def is_abandoned(self, name: str) -> bool | None:
        """Whether nobody writes a temporary file any more; None if there are no locks to tell."""
        with self.open(name) as file:
            return lock_is_free(file)

    def remove_abandoned(self, name: str, *, without_locks: bool = False) -> bool:
        """Remove a temporary file, unless somebody still writes it; whether it was removed.

        Args:
            name: Its name.
            without_locks: Whether to remove it even if there are no locks to tell.
        """
        with self.open(name) as file:
            is_free = lock_is_free(file)
            if is_free is False or (is_free is None and not without_locks):
                return False
            # The lock is held till it is gone: its writer looks for it after taking the lock.
            self.unlink(name)
        return True

    def sweep(self) -> None:
        """Remove what `new_file` left when its process was killed: our own temporary files."""
        for name in self.names():
            if _TEMPORARY.fullmatch(name):
                with suppress(OSError):  # gone, somebody else's, or no file
                    if self.stat(name).st_uid == os.geteuid():
                        self.remove_abandoned(name, without_locks=True)

    def publish(self, name: str, target: str) -> None:
        """Give a file its final name, and never overwrite anything.

        Its old name goes, too.

        Raises:
            FileExistsError: Something has that name.
        """
        at = self._descriptor
        try:
            os.link(
                name, self._checked(target), src_dir_fd=at, dst_dir_fd=at, follow_symlinks=False
            )
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if self.has(target):
                raise FileExistsError(errno.EEXIST, "it exists already", target) from None
            self.replace(name, target)
        else:
            self.unlink(name)

    def replace(self, name: str, target: str) -> None:
        """Give something another name in the same folder, in place of what has it."""
        at = self._descriptor
        os.rename(name, self._checked(target), src_dir_fd=at, dst_dir_fd=at)

    def unlink(self, name: str, *, missing_ok: bool = True) -> None:
        """Remove a file, or a link itself."""
        try:
            os.unlink(self._checked(name), dir_fd=self._descriptor)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def remove_tree(self, name: str) -> None:
        """Remove a folder with everything in it; no link is followed. Raises nothing."""
        shutil.rmtree(self._checked(name), ignore_errors=True, dir_fd=self._descriptor)

    def sync(self) -> bool:
        """Force its entries to the disk; False if the file system has no such operation."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
            device = self.status().st_dev
            if device not in _unforced:
                _unforced.add(device)
                _log.info("The file system of %s can't force a folder to its disk.", self.path)
            return False
        return True

    def _entry(self, name: str, prefix: str) -> Entry | None:
        try:
            return Entry(self, f"{prefix}{name}", name, self.stat(name))
        except FileNotFoundError:
            return None

    def _begin(self, suffix: str, mode: int) -> tuple[str, io.FileIO]:
        while True:
            temporary = f".{secrets.token_hex(8)}{suffix}"
            file = self.create(temporary, mode)
            try:
                take_lock(file, wait=True)
                if self.has(temporary):
                    return temporary, file
            except BaseException:
                file.close()
                self.unlink(temporary)
                raise
            # Another process took it for abandoned before it was locked.
            file.close()

    def _opened(self, name: str, flags: int, how: str, mode: int = 0o666) -> io.FileIO:
        try:
            descriptor = os.open(self._checked(name), flags, mode, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise FileKindError(self.path / name, "a link", "a file") from None
            raise
        try:
            self._require_file(name, os.fstat(descriptor))
            os.set_blocking(descriptor, True)
            return io.FileIO(str(self.path / name), how, opener=lambda *_: descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def _require_file(self, name: str, status: os.stat_result) -> None:
        require_kind(self.path / name, status, stat.S_IFREG)

    def _checked(self, name: str) -> str:
        if "/" in name or name in {"", ".", ".."}:
            raise FileKindError(self.path / name, "a path", "a name in this folder")
        return name
