"""Kinds of destination that the proofs of reliability are made for."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

__all__ = ["KINDS", "LocalTarget", "Target"]


class Target(ABC):
    """One destination, looked at without labferry.

    Args:
        folder: A folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def make(self) -> None:
        """Make the storage ready."""

    @abstractmethod
    def settings(self) -> str:
        """Its lines in the configuration."""

    @abstractmethod
    def objects(self) -> Mapping[str, bytes]:
        """Everything that anybody can see there, by key."""

    @abstractmethod
    def leftovers(self) -> list[str]:
        """Temporary files, open uploads and the like: what a crash left and nobody needs."""


class LocalTarget(Target):
    """A folder of this machine."""

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def settings(self) -> str:
        return f'type = "local"\npath = "{self.folder}"'

    def objects(self) -> Mapping[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }

    def leftovers(self) -> list[str]:
        return [str(path) for path in self.folder.rglob(".*") if path.is_file()]


KINDS: Mapping[str, type[Target]] = {"local": LocalTarget}
"""Every kind for which the whole proof is made."""
