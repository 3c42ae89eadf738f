"""What the sink promises, done on a connection; everything that needs asyncssh begins here."""

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from labferry.sdk import (
    MANIFEST_SUFFIX,
    Archive,
    Checkpoint,
    Finding,
    ManifestDraft,
    Receipt,
    StoredArchive,
    check_key,
)
from labferry_sftp.listing import committed_archives
from labferry_sftp.parts import sweep
from labferry_sftp.probe import probe
from labferry_sftp.remote import Remote
from labferry_sftp.settings import SftpSettings
from labferry_sftp.storing import Storing
from labferry_sftp.transfer import RemoteReader

__all__ = ["Destination"]

_READ_AHEAD = 1 << 20


class Destination:
    """A destination as long as its connection lasts; the methods are those of `Sink`.

    Args:
        name: The destination's name in the configuration.
        settings: Its settings.
    """

    def __init__(self, name: str, settings: SftpSettings) -> None:
        self._name = name
        self._settings = settings
        self._remote = Remote(name, settings)
        self._swept: set[str] = set()

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self._remote.is_lost

    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        """Store an archive and its manifest."""
        check_key(manifest.key)
        folder = check_key(archive.key).rpartition("/")[0]
        storing = Storing(self._name, self._remote, self._settings, archive, manifest, checkpoint)
        checked = storing.run()
        if folder not in self._swept:
            sweep(self._remote, self._remote.path(folder))
            self._swept.add(folder)
        url = self._remote.url(archive.key)
        return Receipt(self._name, archive.id, archive.key, archive.size, checked, url=url)

    def list(self) -> Iterator[StoredArchive]:
        """Every committed archive."""
        return committed_archives(self._remote)

    def open(self, stored: StoredArchive, offset: int) -> BinaryIO:
        """The stored bytes."""
        path = self._remote.path(check_key(stored.key))
        return cast(
            "BinaryIO", io.BufferedReader(RemoteReader(self._remote, path, offset), _READ_AHEAD)
        )

    def delete(self, stored: StoredArchive) -> None:
        """Remove an archive, its manifest first."""
        path = self._remote.path(check_key(stored.key))
        self._remote.remove(path + MANIFEST_SUFFIX)
        self._remote.remove(path)

    def check(self) -> Iterator[Finding]:
        """Find out whether `store` can work."""
        return probe(self._remote)

    def close(self) -> None:
        """Close the connection."""
        self._remote.close()
