"""A second way into the storage behind a destination, independent of the sink under test."""

from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

__all__ = ["FolderStorage", "RawStorage"]


class RawStorage(ABC):
    """What the suite uses to see, plant and remove things behind the sink's back.

    Names are relative to where the destination keeps its archives: a stored archive is found
    under its key. Hidden things and temporaries count; folders don't.
    """

    @abstractmethod
    def names(self) -> dict[str, int]:
        """Every file or object there is, with its size in bytes."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The whole content of one of them."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Make or replace one, with whatever folders it needs."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove one."""


class FolderStorage(RawStorage):
    """For every storage whose files lie in a folder that the test can reach.

    That is a local folder, and what a file server serves that the test has started.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def names(self) -> dict[str, int]:
        """Every file below the folder."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            with suppress(FileNotFoundError):  # a store under way may have just renamed it
                if not path.is_dir():
                    found[path.relative_to(self.root).as_posix()] = path.lstat().st_size
        return found

    def read(self, name: str) -> bytes:
        """A file's content."""
        return (self.root / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Make or replace a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.root / name).unlink()
