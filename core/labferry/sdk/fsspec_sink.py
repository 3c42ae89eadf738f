"""A sink over any filesystem that fsspec knows; subclass `FsspecSink`.

Import it from here: the SDK itself does not load it, and neither loads fsspec.
"""

import secrets
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, TypeVar

from typing_extensions import override

from labferry.sdk.archive import Archive, Checkpoint, ManifestDraft
from labferry.sdk.errors import IntegrityError, LabferryError, NotFoundError
from labferry.sdk.findings import Finding, Severity
from labferry.sdk.fsspec_files import FileSystem, Following, block_option, sync
from labferry.sdk.fsspec_storing import UNFINISHED, Parts, Storing
from labferry.sdk.fsspec_tree import Tree
from labferry.sdk.keys import MARKER_KEY, is_key
from labferry.sdk.manifest import MANIFEST_SUFFIX
from labferry.sdk.sink import Checked, Receipt, Sink, SinkTraits, StoredArchive, Stray
from labferry.sdk.sink_settings import SinkSettings
from labferry.sdk.strays import require_unfinished, strays_among

__all__ = ["FsspecSink"]

_CHUNK = 1 << 20

SettingsT = TypeVar("SettingsT", bound=SinkSettings)


class FsspecSink(Sink[SettingsT]):
    """Keeps archives in a filesystem of fsspec's.

    An archive is written under a temporary name, as it arrives, and its SHA-256 is read
    back. Where `renames` says so it is then renamed to its final name; elsewhere it is copied
    there within the storage and read back from there. The manifest follows in the same way and
    commits it.

    fsspec can't create a file only if there is none: that nothing else appears under the same
    key between the look and the rename is left to there being one labferry per key. Two stores of
    the same archive do no harm to each other.

    Attributes:
        renames: Whether `rename` gives a file its new name in one step, as a POSIX rename does.
            The `mv` that a filesystem inherits from fsspec copies and deletes: leave it False.
        block_size: How many bytes the driver shall read and write at a time; None where it knows
            that best.
    """

    traits = SinkTraits(has_marker=True)
    renames: bool = False
    block_size: int | None = 8 << 20

    def __init__(self, name: str, settings: SettingsT) -> None:
        super().__init__(name, settings)
        self._tree = Tree(self, settings.bandwidth_limit)

    @abstractmethod
    def connect(self) -> tuple[FileSystem, str]:
        """A new filesystem, made with `skip_instance_cache=True`, and the root folder in it.

        Called again after a connection was lost.
        """

    def disconnect(self, filesystem: FileSystem) -> None:
        """Close what a filesystem holds open; most do it themselves when they are dropped."""
        del filesystem

    def rename(self, filesystem: FileSystem, source: str, target: str) -> None:
        """Give a file another name in the same folder; used where `renames` is true."""
        filesystem.mv(source, target)

    def write(self, filesystem: FileSystem, path: str, archive: Following, size: int) -> None:
        """Write an archive under a temporary name; override it where a driver streams better.

        Args:
            filesystem: Where.
            path: The temporary name.
            archive: A binary file to read from; it may have to wait for what it gives.
            size: How many bytes that will be.
        """
        del size
        file = filesystem.open(path, "wb", **block_option(self.block_size))
        try:
            while chunk := archive.read(_CHUNK):
                file.write(chunk)
            sync(file)
        except BaseException:
            with suppress(Exception):  # the first error counts; the temporary name is removed
                file.close()
            raise
        file.close()

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        Storing(self._tree, archive, manifest, checkpoint).run()
        return Receipt(self.name, archive.id, archive.key, archive.size, Checked.READ_BACK)

    @override
    def list(self) -> Iterator[StoredArchive]:
        sizes = {each.key: each.size or 0 for each in self._tree.walk() if each.is_file}
        for name in sorted(sizes):
            key = name.removesuffix(MANIFEST_SUFFIX)
            if key != name and key in sizes and is_key(key):
                manifest = self._tree.manifest(name)
                if manifest is not None:
                    yield StoredArchive(key, sizes[key], manifest)

    @override
    def find(self, key: str, version_id: str | None = None) -> StoredArchive | None:
        del version_id
        size = self._tree.size(self._tree.path(key))
        manifest = None if size is None else self._tree.manifest(key + MANIFEST_SUFFIX)
        return None if size is None or manifest is None else StoredArchive(key, size, manifest)

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        return self._tree.open(self._tree.path(stored.key), offset)

    @override
    def delete(self, stored: StoredArchive) -> None:
        for key in (stored.key + MANIFEST_SUFFIX, stored.key):
            self._tree.remove(self._tree.path(key))

    @override
    def quick_check(self, stored: StoredArchive) -> Checked:
        path = self._tree.path(stored.key)
        size = self._tree.size(path)
        if size is None:
            raise NotFoundError(f"{path} is not in {self.name} any more.")
        return super().quick_check(replace(stored, size=size))

    @override
    def read_marker(self) -> bytes | None:
        with suppress(NotFoundError):
            return self._tree.read(self._tree.path(MARKER_KEY))
        return None

    @override
    def write_marker(self, content: bytes) -> None:
        place, temporary = self._tree.path(MARKER_KEY), Parts(self._tree.root).path("manifest")
        if self._tree.size(place) is not None:
            return
        try:
            self._tree.write_document(temporary, content)
            self._tree.move(temporary, place)
        except LabferryError:
            self._tree.discard(temporary)
            if self._tree.size(place) is None:  # else another labferry was faster
                raise

    @override
    def strays(self) -> Iterator[Stray]:
        found = list(self._tree.walk())
        yield from strays_among(found, {stored.key for stored in self.list()}, UNFINISHED)

    @override
    def remove_stray(self, stray: Stray) -> None:
        require_unfinished(stray, UNFINISHED)
        folder, _, name = stray.key.rpartition("/")
        self._tree.remove(f"{self._tree.path(folder) if folder else self._tree.root}/{name}")

    @override
    def check(self) -> Iterator[Finding]:
        parts, token = Parts(self._tree.root), secrets.token_bytes(32)
        first, second = parts.path("check"), parts.path("checked")
        try:
            self._tree.make_folder(self._tree.root)
            self._try_out(first, second, token)
        except BaseException:
            self._tree.discard(first)
            self._tree.discard(second)
            raise
        yield Finding(Severity.OK, f"{self.name} can be written, read back and cleaned up.")
        if not self.renames:
            yield Finding(
                Severity.OK,
                f"{self.name} has no rename in one step: archives are copied to their final names "
                "within the storage, and count as stored when their manifest is there.",
            )

    @override
    def close(self) -> None:
        self._tree.close()

    def _try_out(self, first: str, second: str, token: bytes) -> None:
        """Write, publish, read and remove a small file, as a store and a delete do."""
        self._tree.write_document(first, token)
        self._tree.move(first, second)
        if self._tree.read(second) != token or self._tree.size(first) is not None:
            raise IntegrityError(f"{second} in {self.name} does not hold what was written to it.")
        self._tree.remove(second)
