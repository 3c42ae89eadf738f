"""Unpacking an archive: all of it into a new folder, or nothing."""

import os
import shutil
from pathlib import Path

from labferry.copies.extract_zip import LIMITS, Limits, Member, ZipContents
from labferry.copies.partial_file import disk_errors, require_space, sync_folder
from labferry.runtime.stop import Stop
from labferry.sdk import ConflictError, IntegrityError, LabferryError

_LONGEST_PATH = 4000
"""Bytes; PATH_MAX is 4096 on Linux, and the path begins where we are told to unpack."""


def require_unused(folder: Path) -> None:
    """Make sure that a folder can become a new one: that it is missing, or empty.

    Raises:
        ConflictError: There is something.
    """
    with disk_errors(folder):
        if not folder.is_symlink() and (
            not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
        ):
            return
    raise ConflictError(
        f"{folder} exists already and was not touched.", hint="Name a folder that is new or empty."
    )


def extract(
    archive: Path,
    folder: Path,
    stop: Stop,
    limits: Limits = LIMITS,
    *,
    consume: bool = False,
) -> int:
    """Unpack a zip file.

    It is unpacked beside the folder under a hidden name, which then becomes the folder in one
    step. What an earlier call left that was killed is removed.

    Args:
        archive: The zip file.
        folder: A folder that is missing or empty; its parent is there.
        stop: Ends the unpacking.
        limits: What the zip file may come to.
        consume: Whether to remove the zip file, just before the folder appears: killed in
            between, all is to be done again, but nothing is ever left behind.

    Returns:
        How many files there are.

    Raises:
        IntegrityError: The zip file is damaged, or can't be unpacked safely.
        ConflictError: There is something in the folder.
        FullError: There is not enough space.
        StoppedError: A signal came.
    """
    require_unused(folder)
    scratch = folder.parent / f"{archive.name}.unpacked"
    with disk_errors(archive), archive.open("rb") as file:
        contents = ZipContents(file, limits)
        _check_lengths(contents, scratch, folder)
        require_space(folder.parent, contents.total)
        try:
            _unpack(contents, scratch, stop)
            if consume:
                archive.unlink()
            _publish(scratch, folder)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    return len(contents.files)


def _check_lengths(contents: ZipContents, scratch: Path, folder: Path) -> None:
    root = max(len(os.fsencode(path.absolute())) for path in (scratch, folder))
    longest = max((len("/".join(m.parts).encode()) for m in contents.members), default=0)
    if root + 1 + longest > _LONGEST_PATH:
        raise IntegrityError(
            f"A member's path is too long to be unpacked: {longest} bytes, which makes "
            f"{root + 1 + longest} in {folder}, and {_LONGEST_PATH} can be.",
        )


def _unpack(contents: ZipContents, scratch: Path, stop: Stop) -> None:
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(mode=0o700)
    for member in contents.members:
        stop.check()
        _write(contents, member, scratch.joinpath(*member.parts), stop)
    # At once for all of them: one by one it takes as long as the unpacking itself.
    os.sync()


def _write(contents: ZipContents, member: Member, path: Path, stop: Stop) -> None:
    if member.is_folder:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for chunk in contents.chunks(member):
            stop.check()
            file.write(chunk)


def _publish(scratch: Path, folder: Path) -> None:
    try:
        scratch.rename(folder)
    except OSError as error:
        require_unused(folder)
        raise LabferryError(
            f"{folder} can't be made: {error.strerror}.", hint="Name another folder with --to."
        ) from error
    sync_folder(folder.parent)
