"""What the sink promises, done on a connection; everything that needs asyncssh begins here."""

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, cast

from labferry.sdk import (
    MANIFEST_SUFFIX,
    MARKER_KEY,
    Archive,
    Checked,
    Checkpoint,
    Finding,
    IntegrityError,
    LabferryError,
    ManifestDraft,
    NotFoundError,
    Receipt,
    StoredArchive,
    Stray,
    check_key,
)
from labferry.sdk.strays import require_unfinished, strays_among
from labferry_sftp.abilities import Abilities
from labferry_sftp.listing import committed_archive, committed_archives, everything
from labferry_sftp.parts import UNFINISHED, temporary_name
from labferry_sftp.probe import probe
from labferry_sftp.remote import Remote
from labferry_sftp.settings import SftpSettings
from labferry_sftp.storing import Storing
from labferry_sftp.transfer import Pieces, RemoteReader, send_small

_READ_AHEAD = 1 << 20


class Destination:
    """A destination as long as its connection lasts; the methods are those of `Sink`.

    Args:
        name: The destination's name in the configuration.
        settings: Its settings.
        abilities: What was found out about the server over earlier connections.
    """

    def __init__(self, name: str, settings: SftpSettings, abilities: Abilities) -> None:
        self._name = name
        self._settings = settings
        self._remote = Remote(name, settings, abilities)

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self._remote.is_lost

    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        """Store an archive and its manifest."""
        check_key(manifest.key)
        check_key(archive.key)
        storing = Storing(self._name, self._remote, self._settings, archive, manifest, checkpoint)
        checked = storing.run()
        url = self._remote.url(archive.key)
        return Receipt(self._name, archive.id, archive.key, archive.size, checked, url=url)

    def list(self) -> Iterator[StoredArchive]:
        """Every committed archive."""
        return committed_archives(self._remote)

    def find(self, key: str) -> StoredArchive | None:
        """One committed archive."""
        return committed_archive(self._remote, key)

    def open(self, stored: StoredArchive, offset: int) -> BinaryIO:
        """The stored bytes."""
        path = self._remote.path(check_key(stored.key))
        return cast(
            "BinaryIO",
            io.BufferedReader(RemoteReader(Pieces(self._remote, path, offset)), _READ_AHEAD),
        )

    def delete(self, stored: StoredArchive) -> None:
        """Remove an archive, its manifest first."""
        path = self._remote.path(check_key(stored.key))
        self._remote.remove(path + MANIFEST_SUFFIX)
        self._remote.remove(path)

    def quick_check(self, stored: StoredArchive) -> Checked:
        """Compare size and, where the server may be asked for it, SHA-256 with the manifest."""
        path, manifest = self._remote.path(check_key(stored.key)), stored.manifest
        size = self._remote.size(path)
        if size is None:
            raise NotFoundError(f"{path} is not in {self._name} any more.")
        if size != manifest.size:
            raise self._differs(path, f"has {size} bytes, not the {manifest.size}")
        if self._settings.upload_check == "auto":
            found = self._remote.hashing.of(path, size)
            if len(found) != 1:  # of parts, the manifest knows nothing
                return Checked.SIZE
            if found[0].sha256 != manifest.sha256:
                raise self._differs(path, "has another SHA-256 than that")
            return Checked.STORE_CHECKSUM
        return Checked.SIZE

    def read_marker(self) -> bytes | None:
        """The marker's content; None if there is none."""
        return self._remote.read(self._remote.path(MARKER_KEY))

    def write_marker(self, content: bytes) -> None:
        """Write the marker, unless there is one."""
        place = self._remote.path(MARKER_KEY)
        if self._remote.size(place) is not None:
            return
        path = temporary_name(self._remote.root, "manifest")
        try:
            send_small(self._remote, path, content)
            self._remote.rename(path, place, len(content))
        except LabferryError:
            with suppress(LabferryError):
                self._remote.remove(path)
            if self._remote.size(place) is None:  # else another labferry was faster
                raise

    def strays(self) -> Iterator[Stray]:
        """What is no committed archive."""
        found = list(everything(self._remote))
        yield from strays_among(found, {stored.key for stored in self.list()}, UNFINISHED)

    def remove_stray(self, stray: Stray) -> None:
        """Remove an unfinished file."""
        require_unfinished(stray, UNFINISHED)
        folder, _, name = stray.key.rpartition("/")
        self._remote.remove(self._remote.path(*([check_key(folder)] if folder else []), name))

    def check(self) -> Iterator[Finding]:
        """Find out whether `store` can work."""
        return probe(self._remote)

    def close(self) -> None:
        """Close the connection."""
        self._remote.close()

    def _differs(self, path: str, how: str) -> IntegrityError:
        return IntegrityError(f"{path} in {self._name} {how} of its manifest.")
