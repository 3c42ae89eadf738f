"""The spool: the local folder in which archives wait for their destinations."""

import errno
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from threading import Lock

from labferry.spool.archive import Declared, SpoolArchive
from labferry.spool.encrypted import AGE_SUFFIX, EncryptedFile
from labferry.spool.errors import spool_errors
from labferry.spool.space import require_space

_SUFFIX = ".spool"
_OURS = re.compile(r"(.+)(?:\.spool|\.[0-9a-f]{16}\.age(?:\.json)?(?:\.part)?)")


class Spool:
    """The staging folder.

    Args:
        folder: Made if it is not there, for its owner alone.

    Raises:
        StateError: It can't be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._locks: dict[str, Lock] = {}
        with spool_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def open(self, declared: Declared, *, md5: bool) -> SpoolArchive:
        """The archive's file, new or as an earlier run left it.

        Raises:
            FullError: There is not enough space for what is still missing of it.
        """
        path = self._path(declared.id)
        with spool_errors(self.folder):
            here = path.stat().st_size if path.exists() else 0
        require_space(self.folder, declared.size - here, "The archive")
        return SpoolArchive(path, declared, md5=md5)

    def encrypted(self, plain: SpoolArchive, recipients: str, *, md5: bool) -> EncryptedFile:
        """The encrypted form of an archive, to be made or as an earlier attempt left it.

        Args:
            plain: The archive.
            recipients: A short name for those who can decrypt it: 16 hexadecimal digits.
            md5: Whether a destination needs its MD5.
        """
        path = self.folder / f"{plain.id}.{recipients}{AGE_SUFFIX}"
        return EncryptedFile(path, plain, md5=md5, lock=self._locks.setdefault(path.name, Lock()))

    def discard(self, archive_id: str) -> None:
        """Remove an archive's files, if they are there."""
        self._remove(lambda known: known == archive_id)

    def sweep(self, keep: Collection[str]) -> None:
        """Remove the files of archives that nothing waits for any more."""
        self._remove(lambda known: known not in keep)

    def _remove(self, is_done: Callable[[str], bool]) -> None:
        with spool_errors(self.folder):
            for path in self.folder.iterdir():
                ours = _OURS.fullmatch(path.name)
                if ours and is_done(ours[1]):
                    path.unlink(missing_ok=True)

    def _path(self, archive_id: str) -> Path:
        return self.folder / f"{archive_id}{_SUFFIX}"
