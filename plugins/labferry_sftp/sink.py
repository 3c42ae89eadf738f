"""A folder on an SFTP server as a destination."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from typing_extensions import override

from labferry.sdk import (
    Archive,
    Checked,
    Checkpoint,
    Finding,
    LabferryError,
    ManifestDraft,
    PluginError,
    Receipt,
    Sink,
    SinkTraits,
    StoredArchive,
    Stray,
    TransientError,
)
from labferry_sftp.abilities import Abilities
from labferry_sftp.settings import SftpSettings

if TYPE_CHECKING:
    from labferry_sftp.destination import Destination


class SftpSink(Sink[SftpSettings]):
    """Keeps archives in a folder on an SFTP server.

    An archive is written under a temporary name in its final folder as it arrives, with many
    requests under way, and read back meanwhile; it is forced to the server's disk, compared, and
    then renamed. The manifest follows. An upload that broke off is continued by the next store.
    """

    type = "sftp"
    Settings = SftpSettings
    traits = SinkTraits(has_marker=True)

    def __init__(self, name: str, settings: SftpSettings) -> None:
        super().__init__(name, settings)
        self._destination: Destination | None = None
        self._abilities = Abilities()

    @override
    def prepare(self) -> None:
        _load()

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        with self._connected() as destination:
            return destination.store(archive, manifest, checkpoint)

    @override
    def list(self) -> Iterator[StoredArchive]:
        with self._connected() as destination:
            yield from destination.list()

    @override
    def find(self, key: str, version_id: str | None = None) -> StoredArchive | None:
        del version_id
        with self._connected() as destination:
            return destination.find(key)

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        with self._connected() as destination:
            return destination.open(stored, offset)

    @override
    def delete(self, stored: StoredArchive) -> None:
        with self._connected() as destination:
            destination.delete(stored)

    @override
    def quick_check(self, stored: StoredArchive) -> Checked:
        with self._connected() as destination:
            return destination.quick_check(stored)

    @override
    def read_marker(self) -> bytes | None:
        with self._connected() as destination:
            return destination.read_marker()

    @override
    def write_marker(self, content: bytes) -> None:
        with self._connected() as destination:
            destination.write_marker(content)

    @override
    def strays(self) -> Iterator[Stray]:
        with self._connected() as destination:
            yield from destination.strays()

    @override
    def remove_stray(self, stray: Stray) -> None:
        with self._connected() as destination:
            destination.remove_stray(stray)

    @override
    def check(self) -> Iterator[Finding]:
        with self._connected() as destination:
            yield from destination.check()

    def accept_new_host_keys(self) -> Iterator[Finding]:
        """Trust the server, and the hosts on the way to it, on first use: note their keys.

        Only those of hosts of which nothing is known yet; a changed key is refused as ever.

        Yields a warning for each key that was noted. Raises the error that `check` would meet.
        """
        with _asyncssh_needed():
            # Importing it takes a while, and most runs of the command do without.
            from labferry_sftp.trusting import accept_new_host_keys  # noqa: PLC0415 - as said
        yield from accept_new_host_keys(self.name, self.settings)

    @override
    def close(self) -> None:
        destination, self._destination = self._destination, None
        if destination is not None:
            destination.close()

    @contextmanager
    def _connected(self) -> "Iterator[Destination]":
        """The destination; once its connection failed, the next call connects anew."""
        if self._destination is not None and self._destination.is_lost:
            self.close()
        if self._destination is None:
            self._destination = self._connect()
        try:
            yield self._destination
        except TransientError:
            with suppress(LabferryError):
                self.close()
            raise

    def _connect(self) -> "Destination":
        return _load()(self.name, self.settings, self._abilities)


def _load() -> "type[Destination]":
    with _asyncssh_needed():
        from labferry_sftp.destination import Destination  # noqa: PLC0415 - as above
    return Destination


@contextmanager
def _asyncssh_needed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise PluginError(
            f"Destinations of type sftp need asyncssh, which can't be imported: {error}.",
            hint='Install it: pip install "labferry[sftp]"',
        ) from error
