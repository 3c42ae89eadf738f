"""The spool: the local folder in which archives wait for their destinations."""

import errno
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from labferry.sdk import FullError
from labferry.spool.archive import Declared, SpoolArchive
from labferry.spool.errors import spool_errors

__all__ = ["Spool"]

_SUFFIX = ".spool"
_MARGIN = 64 << 20


class Spool:
    """The staging folder.

    Args:
        folder: Made if it is not there, for its owner alone.

    Raises:
        StateError: It can't be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
            free = shutil.disk_usage(self.folder).free
        missing = declared.size - here
        if missing > 0 and missing + _margin(missing) > free:
            raise FullError(
                f"The archive needs {missing} more bytes in the spool {self.folder}, "
                f"but only {free} are free.",
                hint="Free some, or set spool_dir to a larger disk; the next run goes on.",
            )
        return SpoolArchive(path, declared, md5=md5)

    def discard(self, archive_id: str) -> None:
        """Remove an archive's file, if it is there."""
        with spool_errors(self.folder):
            self._path(archive_id).unlink(missing_ok=True)

    def sweep(self, keep: Collection[str]) -> None:
        """Remove the files of archives that nothing waits for any more."""
        with spool_errors(self.folder):
            for path in self.folder.glob(f"*{_SUFFIX}"):
                if path.name.removesuffix(_SUFFIX) not in keep:
                    path.unlink(missing_ok=True)

    def _path(self, archive_id: str) -> Path:
        return self.folder / f"{archive_id}{_SUFFIX}"


def _margin(missing: int) -> int:
    """Space to leave for others, in proportion to what is taken."""
    return min(_MARGIN, missing // 10)
