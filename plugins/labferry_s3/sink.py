"""A bucket as a destination."""

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
from labferry_s3.settings import S3Settings


class S3Sink(Sink[S3Settings]):
    """Keeps archives in a bucket of AWS S3 or a store that speaks its protocol.

    An archive is sent in parts while it still arrives. It becomes visible, all of it at once, when
    the upload is completed, and that is asked for only when the archive is verified. The manifest
    follows.
    """

    type = "s3"
    Settings = S3Settings
    traits = SinkTraits(has_marker=True)

    def __init__(self, name: str, settings: S3Settings) -> None:
        # Importing it takes a while, and most runs of the command do without.
        from labferry_s3.bucket import Bucket  # noqa: PLC0415 - as said

        super().__init__(name, settings)
        self._bucket = Bucket(name, settings)

    @override
    def prepare(self) -> None:
        self._bucket.prepare()

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        return self._bucket.store(archive, manifest, checkpoint)

    @override
    def list(self) -> Iterator[StoredArchive]:
        return self._bucket.list()

    @override
    def find(self, key: str, version_id: str | None = None) -> StoredArchive | None:
        del version_id
        return self._bucket.find(key)

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        return self._bucket.open(stored, offset)

    @override
    def delete(self, stored: StoredArchive) -> None:
        self._bucket.delete(stored)

    @override
    def quick_check(self, stored: StoredArchive) -> Checked:
        return self._bucket.quick_check(stored)

    @override
    def hold(self, stored: StoredArchive) -> str:
        return self._bucket.hold(stored)

    @override
    def read_marker(self) -> bytes | None:
        return self._bucket.read_marker()

    @override
    def write_marker(self, content: bytes) -> None:
        self._bucket.write_marker(content)

    @override
    def strays(self) -> Iterator[Stray]:
        return self._bucket.strays()

    @override
    def remove_stray(self, stray: Stray) -> None:
        self._bucket.remove_stray(stray)

    @override
    def check(self) -> Iterator[Finding]:
        return self._bucket.check()

    @override
    def close(self) -> None:
        self._bucket.close()
