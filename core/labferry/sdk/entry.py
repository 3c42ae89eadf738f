"""What is in a folder: a file, a folder, a link or something else."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labferry.sdk.disk_errors import FileKindError

if TYPE_CHECKING:
    from labferry.sdk.folder import Folder

__all__ = ["Entry", "kind_of", "require_kind"]

_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that `Folder.walk` found.

    Attributes:
        folder: What it is in; open until the walk goes on.
        key: Its name below the folder where the walk began.
        name: Its name in its folder.
        status: What it is, without following a link.
    """

    folder: "Folder"
    key: str
    name: str
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)


def require_kind(path: Path, status: os.stat_result, *kinds: int) -> None:
    """Make sure that something is a file, or another kind of thing that can be read as one.

    Args:
        path: What to call it.
        status: What it is.
        kinds: What it may be, as `stat` has them.

    Raises:
        FileKindError: It is something else.
    """
    if stat.S_IFMT(status.st_mode) not in kinds:
        raise FileKindError(path, kind_of(status), "a file")


def kind_of(status: os.stat_result) -> str:
    """What something is, in words: `a link`, `a folder`, `a device`."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "a device")
