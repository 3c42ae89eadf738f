"""The spool: the local folder in which archives wait for their destinations."""

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from labferry.sdk import FullError, StateError
from labferry.spool.archive import Declared, SpoolArchive

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
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"The spool folder {folder} can't be made: {error.strerror}.",
                hint="Set spool_dir to a folder that this user can write.",
            ) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StateError(
                f"The spool folder {folder} can't be written.",
                hint="Set spool_dir to a folder that this user can write.",
            )

    def open(self, declared: Declared, *, md5: bool) -> SpoolArchive:
        """The archive's file, new or as an earlier run left it.

        Raises:
            FullError: There is not enough space for what is still missing of it.
        """
        path = self._path(declared.id)
        here = path.stat().st_size if path.exists() else 0
        missing = declared.size - here
        free = shutil.disk_usage(self.folder).free
        if missing > 0 and missing + _margin(missing) > free:
            raise FullError(
                f"The archive needs {missing} more bytes in the spool {self.folder}, "
                f"but only {free} are free.",
                hint="Free some, or set spool_dir to a larger disk; the next run goes on.",
            )
        return SpoolArchive(path, declared, md5=md5)

    def discard(self, archive_id: str) -> None:
        """Remove an archive's file, if it is there."""
        self._path(archive_id).unlink(missing_ok=True)

    def sweep(self, keep: Collection[str]) -> None:
        """Remove the files of archives that nothing waits for any more."""
        for path in self.folder.glob(f"*{_SUFFIX}"):
            if path.name.removesuffix(_SUFFIX) not in keep:
                path.unlink(missing_ok=True)

    def _path(self, archive_id: str) -> Path:
        return self.folder / f"{archive_id}{_SUFFIX}"


def _margin(missing: int) -> int:
    """Space to leave for others, in proportion to what is taken."""
    return min(_MARGIN, missing // 10)
