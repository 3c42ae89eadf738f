"""The spool: the local folder in which archives wait for their destinations."""

import errno
import os
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from threading import Lock

from labferry.sdk import InvalidAnswerError, is_key
from labferry.sdk.files import make_private_folder
from labferry.spool.archive import Declared, FollowedArchive, SpoolArchive
from labferry.spool.encrypted import AGE_SUFFIX, EncryptedFile
from labferry.spool.errors import spool_errors, spool_folder
from labferry.spool.space import require_space

_SUFFIX = ".spool"
_OURS = re.compile(r"(.+)(?:\.spool|\.[0-9a-f]{16}\.age(?:\.json)?(?:\.part)?)")


class Spool:
    """The staging folder.

    Args:
        folder: Made if it is not there, for its owner alone.

    Raises:
        StateError: It can't be made or written, or somebody else could exchange what is in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._locks: dict[str, Lock] = {}
        with spool_errors(folder):
            make_private_folder(folder)
        with spool_folder(folder):
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def open(self, declared: Declared, *, md5: bool) -> SpoolArchive:
        """The archive's file, new or as an earlier run left it.

        Raises:
            FullError: There is not enough space for what is still missing of it.
            InvalidAnswerError: Its id is none that could name a file.
        """
        path = self.folder / f"{_checked(declared.id)}{_SUFFIX}"
        here = 0
        with spool_folder(self.folder) as folder, suppress(FileNotFoundError):
            here = folder.stat(path.name).st_size
        require_space(self.folder, (declared.size or here) - here, "The archive")
        return SpoolArchive(path, declared, md5=md5)

    def encrypted(
        self, plain: SpoolArchive | FollowedArchive, recipients: str, *, md5: bool
    ) -> EncryptedFile:
        """The encrypted form of an archive, to be made or as an earlier attempt left it.

        Args:
            plain: The archive.
            recipients: A short name for those who can decrypt it: 16 hexadecimal digits.
            md5: Whether a destination needs its MD5.
        """
        path = self.folder / f"{_checked(plain.id)}.{recipients}{AGE_SUFFIX}"
        return EncryptedFile(path, plain, md5=md5, lock=self._locks.setdefault(path.name, Lock()))

    def discard(self, archive_id: str) -> None:
        """Remove an archive's files, if they are there."""
        self._remove(lambda known: known == archive_id)

    def sweep(self, keep: Collection[str]) -> None:
        """Remove the files of archives that nothing waits for any more."""
        self._remove(lambda known: known not in keep)

    def _remove(self, is_done: Callable[[str], bool]) -> None:
        with spool_folder(self.folder) as folder:
            for name in folder.names():
                ours = _OURS.fullmatch(name)
                if ours and is_done(ours[1]):
                    folder.unlink(name)


def _checked(archive_id: str) -> str:
    """The id itself, if it is a plain name: it may come from a manifest that somebody forged."""
    if "/" in archive_id or not is_key(archive_id):
        raise InvalidAnswerError(
            f"{archive_id!r} can't be the id of an archive: it must be made of letters, digits, "
            "'.', '_' and '-'."
        )
    return archive_id
