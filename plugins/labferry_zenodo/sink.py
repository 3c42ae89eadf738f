"""An account on Zenodo or another InvenioRDM as a destination."""

from collections.abc import Iterator
from typing import BinaryIO

from typing_extensions import override

from labferry.sdk import (
    Archive,
    Checked,
    Checkpoint,
    Finding,
    ManifestDraft,
    Receipt,
    Sink,
    SinkTraits,
    StoredArchive,
    Stray,
)
from labferry_zenodo.settings import ZenodoSettings


class ZenodoSink(Sink[ZenodoSettings]):
    """Keeps each archive, with its manifest, in a record of its own.

    The record is a draft. Only where the settings say so it is published, once everything in it
    was read back and agrees, and then it can't be changed or deleted any more.
    """

    type = "zenodo"
    Settings = ZenodoSettings
    traits = SinkTraits(needs_md5=True)

    def __init__(self, name: str, settings: ZenodoSettings) -> None:
        # Importing it takes a while, and most runs of the command do without.
        from labferry_zenodo.account import Account  # noqa: PLC0415 - as said

        super().__init__(name, settings)
        self.traits = SinkTraits(can_delete=not settings.publish, needs_md5=True)
        self._account = Account(name, settings)

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        return self._account.store(archive, manifest, checkpoint)

    @override
    def list(self) -> Iterator[StoredArchive]:
        return self._account.list()

    @override
    def find(self, key: str, version_id: str | None = None) -> StoredArchive | None:
        return self._account.find(key, version_id)

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        return self._account.open(stored, offset)

    @override
    def delete(self, stored: StoredArchive) -> None:
        self._account.delete(stored)

    @override
    def check(self) -> Iterator[Finding]:
        return self._account.check()

    @override
    def quick_check(self, stored: StoredArchive) -> Checked:
        return self._account.quick_check(stored)

    @override
    def hold(self, stored: StoredArchive) -> str:
        return self._account.hold(stored)

    @override
    def strays(self) -> Iterator[Stray]:
        return self._account.strays()

    @override
    def remove_stray(self, stray: Stray) -> None:
        self._account.remove_stray(stray)

    @override
    def close(self) -> None:
        self._account.close()
