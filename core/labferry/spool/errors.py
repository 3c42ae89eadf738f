"""Opening what is in the spool, and what can go wrong with its disk, in labferry's words."""

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from labferry.sdk import StateError
from labferry.sdk.files import DiskUse, Folder, disk_errors
from labferry.sdk.ownership import foreign_owner, require_own_folder

_log = logging.getLogger(__name__)

_SPOOL = DiskUse(
    full="Free some, or set spool_dir to a larger disk; the next run goes on.",
    access="spool_dir must be a folder on a working disk that this user can write.",
    missing="spool_dir must be a folder on a working disk that this user can write.",
    other="spool_dir must be a folder on a working disk that this user can write.",
    error=StateError,
)


def spool_errors(path: Path) -> AbstractContextManager[None]:
    """Turn the operating system's errors into ours.

    Args:
        path: What is being used: the spool's folder, or a file in it.
    """
    return disk_errors(path, _SPOOL)


@contextmanager
def spool_folder(path: Path) -> Iterator[Folder]:
    """The spool's folder, open.

    Raises:
        StateError: It can't be used, or somebody else could exchange what is in it.
    """
    with spool_errors(path), Folder.at(path) as folder:
        require_own_folder(path, folder.status(), "The spool folder", "spool_dir")
        yield folder


def open_for_reading(path: Path) -> int:
    """Open a file of the spool; its descriptor."""
    with spool_folder(path.parent) as folder, spool_errors(path), folder.open(path.name) as file:
        return os.dup(file.fileno())


def open_for_writing(path: Path) -> int:
    """Open a file of the spool to read and write, or make it; its descriptor.

    One that a run of another user left and that can't be opened gets another name: what was in it
    can be had from the server again.
    """
    with spool_folder(path.parent) as folder, spool_errors(path):
        try:
            file = folder.open_or_create(path.name)
        except PermissionError:
            owner = foreign_owner(path)
            if not owner:
                raise
            aside = f"{path.name}.of-{owner.replace(' ', '-')}"
            folder.replace(path.name, aside)
            _log.warning(
                "%s belongs to %s and can't be used. It is %s now, and downloaded again.",
                path,
                owner,
                aside,
            )
            file = folder.open_or_create(path.name)
        with file:
            return os.dup(file.fileno())
