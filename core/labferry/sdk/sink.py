"""The contract of a destination: implement `Sink` to store archives somewhere new."""

import builtins
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, ClassVar, Generic, TypeVar

from labferry.sdk.archive import Archive, Checkpoint, DownloadCheck, ManifestDraft
from labferry.sdk.errors import IntegrityError
from labferry.sdk.findings import Finding
from labferry.sdk.manifest import Manifest
from labferry.sdk.sink_settings import SinkSettings

__all__ = ["Checked", "Receipt", "Sink", "SinkTraits", "StoredArchive", "Stray", "StrayKind"]

SettingsT = TypeVar("SettingsT", bound=SinkSettings)


class Checked(StrEnum):
    """How a sink made sure of what its storage holds."""

    READ_BACK = "read-back"
    """Every byte was read back and its SHA-256 compared."""

    STORE_CHECKSUM = "store-checksum"
    """The storage computed a checksum of what it holds, and it agrees."""

    SIZE = "size"
    """Only the size was compared."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a sink returns for one archive that is stored, checked and committed.

    Attributes:
        destination: The destination's name in the configuration.
        archive_id: The archive.
        key: Where it is.
        size: Its size in bytes.
        checked: How it was checked.
        url: An address for people, if there is one; without any secret.
        version_id: The storage's own version of the object, if it keeps versions.
        download_check: How well the archive could be checked when it came from its server. The
            core sets it; None if an older labferry did not say.
    """

    destination: str
    archive_id: str
    key: str
    size: int
    checked: Checked
    url: str | None = None
    version_id: str | None = None
    download_check: DownloadCheck | None = None


@dataclass(frozen=True, slots=True)
class StoredArchive:
    """One committed archive as a destination lists it.

    Attributes:
        key: Where it is.
        size: The size in bytes that the storage reports.
        manifest: Its manifest.
        version_id: The storage's own version of the object, if it keeps versions.
    """

    key: str
    size: int
    manifest: Manifest
    version_id: str | None = None


class StrayKind(StrEnum):
    """What something at a destination is that is no committed archive."""

    UNFINISHED = "unfinished"
    """Begun by labferry and not committed: a temporary file, a multipart upload."""

    ARCHIVE = "archive without manifest"
    """Something under an archive's key which no manifest commits."""

    MANIFEST = "manifest without archive"
    """A manifest whose archive is missing."""

    INVALID = "invalid manifest"
    """A manifest beside an archive that labferry did not make so: it commits nothing."""

    FOREIGN = "foreign"
    """Not labferry's."""


@dataclass(frozen=True, slots=True)
class Stray:
    """Something at a destination that is no committed archive.

    Attributes:
        kind: What it is.
        key: Where it is, for people.
        size: Its size in bytes, where the storage tells.
        since: When it was begun or last changed, UTC, where the storage tells.
        token: What the sink needs to remove it, such as an upload id; no secret.
    """

    kind: StrayKind
    key: str
    size: int | None = None
    since: datetime | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class SinkTraits:
    """What the core has to know of a kind of destination.

    Attributes:
        can_delete: Whether `delete` can work at all.
        needs_md5: Whether `Archive.digests` must hold an MD5.
        has_marker: Whether `read_marker` and `write_marker` are there.
    """

    can_delete: bool = True
    needs_md5: bool = False
    has_marker: bool = False


class Sink(ABC, Generic[SettingsT]):
    """A place that keeps archives.

    A subclass names its `type`, the word used in the configuration, and its `Settings`. One
    instance serves one `[destinations.NAME]`; it is made, used and closed on one thread. Its
    methods block, raise the errors of `labferry.sdk.errors`, and
    leave trying again to the core: it decides on TransientError whether, when and how often. A
    client library may repeat a single request within seconds.

    Args:
        name: The destination's name in the configuration.
        settings: Its settings, validated.
    """

    type: ClassVar[str]
    Settings: ClassVar[builtins.type[SinkSettings]]
    traits: SinkTraits = SinkTraits()

    def __init__(self, name: str, settings: SettingsT) -> None:
        self.name = name
        self.settings = settings

    def prepare(self) -> None:
        """Do ahead of the first `store` what takes time and needs no server: load a library.

        Called while the server still makes the archive, and not in every run; `store` can do
        without. If something fails here, `store` will report it.
        """
        return

    @abstractmethod
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        """Store an archive and its manifest: all or nothing, the manifest visible last.

        May be called again, in this process or a later one, for an archive of which an earlier
        call left something or even everything: it then completes the work, and never makes a
        second copy or touches another archive.

        Args:
            archive: What to store; its download may still be under way.
            manifest: What to store beside it, afterwards.
            checkpoint: What this sink noted for this archive.

        Raises:
            ConflictError: Something else is stored under the same key.
            FullError: No space or quota left.
            IntegrityError: The storage holds other bytes than it was given.
            RefusedError: Credentials or permissions.
            TransientError: Worth another try.
        """

    @abstractmethod
    def list(self) -> Iterator[StoredArchive]:
        """Every committed archive, from the destination alone, in any order."""

    def find(self, key: str, version_id: str | None = None) -> StoredArchive | None:
        """The committed archive under a key; None if `list` would not list it.

        Each sync asks for the newest archives. Override it if the storage can answer without
        listing everything.

        Args:
            key: Where it is.
            version_id: The version that its receipt named, if that helps to find it.

        Raises:
            NotFoundError: The destination itself is not there, such as a disk.
        """
        del version_id
        return next((stored for stored in self.list() if stored.key == key), None)

    @abstractmethod
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        """The stored bytes, from an offset on.

        Raises:
            NotFoundError: It is gone.
        """

    @abstractmethod
    def delete(self, stored: StoredArchive) -> None:
        """Remove an archive, its manifest first. What is gone already is no error.

        Raises:
            HeldError: The storage protects it for now, and nothing was removed.
            RefusedError: The storage does not let us.
        """

    @abstractmethod
    def check(self) -> Iterator[Finding]:
        """Find out whether `store` can work: reach it, write, read back, clean up.

        Yields what is worth telling. Raises the error that `store` would meet.
        """

    def quick_check(self, stored: StoredArchive) -> Checked:
        """Compare a stored archive with its manifest without reading it back.

        The size in any case, and the storage's own checksum where it keeps one that the manifest
        has too.

        Raises:
            IntegrityError: They differ.
            NotFoundError: It is gone.
        """
        if stored.size != stored.manifest.size:
            raise IntegrityError(
                f"{stored.key} in {self.name} has {stored.size} bytes, not the "
                f"{stored.manifest.size} of its manifest."
            )
        return Checked.SIZE

    def hold(self, stored: StoredArchive) -> str:
        """Why the storage would not delete an archive now, for people; empty where it would."""
        del stored
        return ""

    def read_marker(self) -> bytes | None:
        """The content of the file `MARKER_KEY`; None if there is none.

        A destination is known again by this file: a disk that was exchanged, or a NAS that was
        wiped, has another one or none. Only for sinks whose traits say `has_marker`.

        Raises:
            NotFoundError: The destination itself is not there, such as a disk.
            RefusedError: It may not be read.
        """
        return None

    def write_marker(self, content: bytes) -> None:
        """Write the file `MARKER_KEY`, all or nothing, unless there is one: that stays as it is.

        It is no archive and no stray: neither `list` nor `strays` names it. Only for sinks whose
        traits say `has_marker`.

        Raises:
            RefusedError: It may not be written.
        """
        del content

    def strays(self) -> Iterator[Stray]:
        """What is at the destination, below its prefix or path, and is no committed archive."""
        yield from ()

    def remove_stray(self, stray: Stray) -> None:
        """Remove something of kind `UNFINISHED` that `strays` listed. What is gone is no error."""
        del stray

    def accept_new_host_keys(self) -> Iterator[Finding]:
        """Trust hosts that are met for the first time, on the administrator's explicit word.

        Only for storages that know hosts by their keys. A key that changed is never accepted.
        Yields what was accepted.
        """
        yield from ()

    def close(self) -> None:
        """Give back connections and the like."""
        return
