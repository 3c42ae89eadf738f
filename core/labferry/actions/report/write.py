"""Writes the page of a report into its file."""

import io
import os
from pathlib import Path

from labferry.sdk import ConflictError
from labferry.sdk.files import DiskUse, disk_errors, replace_file, write_all
from labferry.sdk.ownership import user_name

_ROOT = 0
_PAGE = DiskUse(
    full="Free some space, or name a file elsewhere.",
    access="Name a file in a folder that you may write.",
    missing="Make its folder, or name another file.",
    other="Name another file.",
    subject="The report",
)


def write_page(path: Path, page: str) -> None:
    """Write the page in one step: whoever opens it sees the old one or the new one.

    A new file can be read by its owner alone; one of this user that is there keeps its permissions.

    Raises:
        LabferryError: It can't be written.
    """
    with disk_errors(path, _PAGE):
        _require_followed(path)
        if path.exists() and not path.is_file():
            _write_into(path, page.encode())
        else:
            replace_file(path.resolve(), page.encode())


def _require_followed(path: Path) -> None:
    """Refuse a link that another user may have put there for labferry to follow."""
    if path.is_symlink() and (owner := path.lstat().st_uid) not in {_ROOT, os.geteuid()}:
        raise ConflictError(
            f"{path} is a link that {user_name(owner)} made. labferry did not follow it.",
            hint="Name the file that it leads to, if you trust it.",
        )


def _write_into(path: Path, content: bytes) -> None:
    """Write into a pipe or a device."""
    # A FIFO that nobody reads is an error, and not waited for.
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with io.FileIO(descriptor, "w") as file:
        os.set_blocking(descriptor, True)
        write_all(file, content)
