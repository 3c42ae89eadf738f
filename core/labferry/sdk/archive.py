"""What a sink is given to store: an archive that may still be arriving."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from labferry.sdk.settings import JsonValue

__all__ = [
    "Archive",
    "ArchiveReader",
    "Checkpoint",
    "Digests",
    "DownloadCheck",
    "ManifestDraft",
]


class DownloadCheck(StrEnum):
    """How well a downloaded archive could be checked, best first.

    Only an archive with a declared digest is ever called verified.
    """

    DECLARED_DIGEST = "declared-digest"
    """Its digest is the one that the server declared, and its size too, if one was declared."""

    DECLARED_SIZE = "declared-size"
    """Its size is the one that the server declared; the server declared no digest."""

    SOUND = "sound"
    """The server declared neither. The download came to its end, and the archive is sound inside:
    every member of a zip file has its own CRC-32, or its source looked inside."""

    NONE = "none"
    """The server declared nothing, and nothing inside could be checked. The download came to its
    end."""


@dataclass(frozen=True, slots=True)
class Digests:
    """Checksums of an archive's whole content.

    Attributes:
        sha256: SHA-256, 64 lower-case hexadecimal digits.
        crc32: CRC-32 as in zip files (ISO-HDLC), the number that RSpace declares.
        md5: MD5, 32 lower-case hexadecimal digits, computed only where a sink asks for it, or
            the server declared one.
        sha1: SHA-1, 40 digits, computed only if the server declared one.
        sha512: SHA-512, 128 digits, computed only if the server declared one.
    """

    sha256: str
    crc32: int
    md5: str | None = None
    sha1: str | None = None
    sha512: str | None = None


class ArchiveReader(Protocol):
    """A reader over an archive from some offset on; it follows a download that is under way.

    Its end is withheld until size and checksum were found right: at least the last byte comes
    only then. So whoever has read all of it, or has come to its end, holds a verified archive.
    """

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, waiting for them where they are still to arrive.

        Args:
            size: How many bytes; all that is left when negative.

        Returns:
            Exactly `size` bytes unless the end comes first; nothing at the end.

        Raises:
            IntegrityError: The archive was refused.
            TransientError: The download was given up or began anew; store the archive again.
            StoppedError: The run is being stopped.
        """

    def readinto(self, buffer: bytearray | memoryview, /) -> int:
        """As `read`, into a buffer; returns how many bytes were put there."""

    def tell(self) -> int:
        """The offset in the archive of the next byte."""

    def close(self) -> None:
        """Give the reader back."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


class Archive(ABC):
    """The file that a completed export job offers, on its way into the spool or already there.

    Attributes:
        id: Names the archive everywhere and for ever, e.g. `20260102T030405Z-chem-group-23`.
        source: The name of the source in the configuration.
        key: Where a destination keeps it: a relative POSIX path of safe characters.
        size: Its declared size in bytes, known before the first byte arrives.
        crc32: Its declared CRC-32.
    """

    id: str
    source: str
    key: str
    size: int
    crc32: int

    @abstractmethod
    def open(self, offset: int = 0) -> ArchiveReader:
        """A new reader, beginning at a byte offset. Any number may be open at a time."""

    @abstractmethod
    def digests(self) -> Digests:
        """The archive's digests, waiting until it is verified.

        Raises:
            IntegrityError: The archive was refused.
            TransientError: The download was given up or began anew; store the archive again.
            StoppedError: The run is being stopped.
        """


class ManifestDraft(ABC):
    """The manifest of an archive that may not be verified yet.

    Attributes:
        key: Where a destination keeps it, beside the archive.
    """

    key: str

    @abstractmethod
    def seal(self) -> bytes:
        """The finished document, waiting until the archive is verified.

        The same bytes at every call, in this run and in any later one that stores this archive
        again. Raises what `Archive.digests` raises.
        """


class Checkpoint(ABC):
    """A small durable note that a sink keeps for one archive, to resume after a crash."""

    @abstractmethod
    def load(self) -> dict[str, JsonValue]:
        """What was saved last; empty at first."""

    @abstractmethod
    def save(self, state: Mapping[str, JsonValue]) -> None:
        """Replace the note. It is on disk when this returns."""
