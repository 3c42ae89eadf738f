"""Unpacking an archive: all of it into a new folder, or nothing.

The folder around it may belong to somebody else: nothing is reached by its path, but from folders
that are held open, and everything is written into a folder that only we can use.
"""

import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from labferry.copies.partial_file import RESTORE, open_target, require_space
from labferry.runtime.stop import Stop
from labferry.sdk import ConflictError, FullError, LabferryError
from labferry.sdk.files import Folder, disk_errors
from labferry.sdk.zips import LIMITS, Limits, UnpackPaths, ZipArchive, ZipMember, show_name

_log = logging.getLogger(__name__)
_BLOCK = 4096
"""What the smallest file or folder takes on a disk, in bytes."""

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Renamed:
    """A member that was unpacked under another name than its own.

    Attributes:
        name: Its name in the archive; what is no text in it is escaped with backslashes.
        path: Where it is now, below the folder.
    """

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was unpacked.

    Attributes:
        files: How many files there are.
        renamed: Those members that could not keep their names, in the order of the archive.
    """

    files: int
    renamed: tuple[Renamed, ...]


def require_unused(folder: Path) -> None:
    """Make sure that a folder can become a new one: that it is missing, or empty.

    Raises:
        ConflictError: There is something.
    """
    with disk_errors(folder, RESTORE):
        if not folder.is_symlink() and (
            not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
        ):
            return
    raise ConflictError(
        f"{folder} exists already and was not touched.", hint="Name a folder that is new or empty."
    )


def extract(
    archive: BinaryIO,
    folder: Path,
    stop: Stop,
    *,
    scratch: str,
    limits: Limits = LIMITS,
    before: Callable[[], object] | None = None,
) -> Extracted:
    """Unpack a zip file.

    It is unpacked beside the folder under a hidden name, which then becomes the folder in one
    step. What an earlier call left that was killed is removed. Members whose names could do harm,
    or can't be had on every system, get others. Links and devices become plain files.

    Args:
        archive: The zip file.
        folder: A folder that is missing or empty; its parent is there.
        stop: Ends the unpacking.
        scratch: The hidden name.
        limits: What the zip file may come to.
        before: Called when all is unpacked, just before the folder appears.

    Raises:
        IntegrityError: The zip file is damaged, or would unpack to too much.
        ConflictError: There is something in the folder, or somebody else has the hidden name.
        FullError: There is not enough space.
        StoppedError: A signal came.
    """
    require_unused(folder)
    folder = folder.absolute()
    with disk_errors(folder, RESTORE), open_target(folder.parent) as parent:
        contents = ZipArchive(archive, limits)
        _require_room(contents, parent)
        _clear(parent, scratch)
        try:
            renamed = _unpack(contents, parent, scratch, stop)
            if before is not None:
                before()
            _publish(parent, scratch, folder)
        except BaseException:
            parent.remove_tree(scratch)
            raise
    _warn_of_special(contents.members)
    return Extracted(len(contents.files), renamed)


def _require_room(contents: ZipArchive, parent: Folder) -> None:
    """Make sure that all files and folders fit, folders and the ends of files counted as well."""
    members = len(contents.members)
    paths = UnpackPaths(members)
    for member in contents.members:
        paths.choose(member.name)
    folders = paths.folders
    blocks = sum(-(-member.size // _BLOCK) for member in contents.members)
    require_space(parent, max(contents.total, (blocks + folders) * _BLOCK))
    room = os.statvfs(parent.fileno())
    if room.f_files and folders + members > room.f_favail:
        raise FullError(
            f"This needs {folders + members} files and folders in {parent.path}, but its file "
            f"system has only {room.f_favail} free inodes.",
            hint="Remove files that are not needed, or name a folder on another disk.",
        )


def _clear(parent: Folder, scratch: str) -> None:
    """Remove what an earlier call left, if it is ours."""
    with suppress(FileNotFoundError):
        status = parent.stat(scratch)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise _is_not_ours(parent, scratch)
        parent.remove_tree(scratch)


def _unpack(contents: ZipArchive, parent: Folder, scratch: str, stop: Stop) -> tuple[Renamed, ...]:
    os.mkdir(scratch, 0o700, dir_fd=parent.fileno())
    with parent.folder(scratch) as inside:
        status = inside.status()
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise _is_not_ours(parent, scratch)
        renamed = tuple(_write_all(contents, inside, stop))
    # At once for all of them: one by one it takes as long as the unpacking itself.
    os.sync()
    return renamed


def _write_all(contents: ZipArchive, inside: Folder, stop: Stop) -> Iterator[Renamed]:
    """Write every member. Nobody else can change anything in that folder: paths are safe there."""
    paths, made = UnpackPaths(), set[tuple[str, ...]]()
    for member in contents.members:
        stop.check()
        chosen = paths.choose(member.name)
        folder = chosen.parts if member.is_folder else chosen.parts[:-1]
        _make_folders(inside, folder, made)
        path = "/".join(chosen.parts)
        if not member.is_folder:
            _write(contents, member, inside, path, stop)
        if chosen.is_renamed:
            name = member.name.encode("utf-8", "backslashreplace").decode()
            yield Renamed(name, path)


def _make_folders(inside: Folder, parts: tuple[str, ...], made: set[tuple[str, ...]]) -> None:
    for depth in range(1, len(parts) + 1):
        if parts[:depth] not in made:
            os.mkdir("/".join(parts[:depth]), dir_fd=inside.fileno())
            made.add(parts[:depth])


def _write(contents: ZipArchive, member: ZipMember, inside: Folder, path: str, stop: Stop) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o666, dir_fd=inside.fileno()), "wb") as file:
        for chunk in contents.chunks(member):
            stop.check()
            file.write(chunk)


def _publish(parent: Folder, scratch: str, folder: Path) -> None:
    try:
        parent.replace(scratch, folder.name)
    except OSError as error:
        require_unused(folder)
        raise LabferryError(
            f"{folder} can't be made: {error.strerror}.", hint="Name another folder with --to."
        ) from error
    parent.sync()


def _is_not_ours(parent: Folder, scratch: str) -> ConflictError:
    return ConflictError(
        f"{parent.path / scratch} belongs to somebody else.",
        hint="Remove it, or restore to a folder that only you can write.",
    )


def _warn_of_special(members: Sequence[ZipMember]) -> None:
    special = [member.name for member in members if member.is_special]
    if special:
        more = f" and {len(special) - _SHOWN} more" if len(special) > _SHOWN else ""
        names = ", ".join(map(show_name, special[:_SHOWN]))
        _log.warning("Links or devices in the archive are plain files now: %s%s.", names, more)
