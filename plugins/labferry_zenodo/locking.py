"""One writer at a time on this machine: the servers do not keep two from each other's way.

Two writers of one archive would make two drafts, two of one series as many versions as there are
requests under way.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labferry.sdk import StateError, TransientError
from labferry.sdk.files import Folder, take_lock

_swept: set[Path] = set()


@contextmanager
def only_writer(what: str, name: str) -> Iterator[None]:
    """Be the only one on this machine, under this account, who writes something.

    The lock ends with the process, however that ends. Its file is removed at the end; what a
    killed process left is removed by the next one.

    Args:
        what: The thing, without doubt which.
        name: The same for people.

    Raises:
        TransientError: Somebody else is at it.
        StateError: The lock can't be taken.
    """
    digest = hashlib.sha256(what.encode()).hexdigest()[:32]
    path = Path(tempfile.gettempdir()) / f"labferry-zenodo-{os.getuid()}-{digest}.lock"
    with _folder_of(path) as folder:
        _sweep(folder)
        while True:
            try:
                file = folder.open_or_create(path.name)
            except OSError as error:
                raise _unusable(path, error) from None
            with file:
                try:
                    take_lock(file, wait=False)
                except BlockingIOError:
                    raise TransientError(
                        f"{name} is being written by another labferry now."
                    ) from None
                if not _is_in_place(folder, path.name, file.fileno()):
                    continue  # whoever had the lock before has removed its file since
                try:
                    yield
                finally:
                    # While the lock is held: whoever opened the file meanwhile sees it is gone.
                    with suppress(OSError):
                        folder.unlink(path.name)
            return


def _folder_of(path: Path) -> Folder:
    try:
        return Folder.at(path.parent)
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, error: OSError) -> StateError:
    return StateError(f"The lock file {path} can't be opened: {error.strerror}.")


def _is_in_place(folder: Folder, name: str, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(folder.stat(name), os.fstat(descriptor))
    return False


def _sweep(folder: Folder) -> None:
    """Remove, once in a process, the lock files that nobody holds: killed processes leave them."""
    if folder.path in _swept:
        return
    _swept.add(folder.path)
    ours = re.compile(rf"labferry-zenodo-{os.getuid()}-[0-9a-f]{{32}}\.lock")
    for name in filter(ours.fullmatch, folder.names()):
        with suppress(OSError):  # gone, or no file
            folder.remove_abandoned(name)
