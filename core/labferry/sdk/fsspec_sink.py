"""A sink over any filesystem that fsspec knows; subclass `FsspecSink`.

Import it from here: the SDK itself does not load it, and neither loads fsspec.
"""

import hashlib
import io
import secrets
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, BinaryIO, TypeVar

from typing_extensions import override

from labferry.sdk.archive import Archive, ArchiveReader, Checkpoint, ManifestDraft
from labferry.sdk.errors import (
    ConflictError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    TransientError,
)
from labferry.sdk.findings import Finding, Severity
from labferry.sdk.fsspec_errors import classified
from labferry.sdk.fsspec_files import FileSystem, Following, Reading, sync
from labferry.sdk.keys import check_key
from labferry.sdk.manifest import MANIFEST_SUFFIX, Manifest
from labferry.sdk.settings import SinkSettings
from labferry.sdk.sink import Checked, Receipt, Sink, StoredArchive

__all__ = ["FsspecSink"]

_CHUNK = 1 << 20
_BLOCK = 8 << 20
_HIDDEN = ".labferry-"
_MANIFEST_LIMIT = (1 << 20) + 1

SettingsT = TypeVar("SettingsT", bound=SinkSettings)


class FsspecSink(Sink[SettingsT]):
    """Keeps archives in a filesystem of fsspec's.

    An archive is written under a hidden temporary name, as it arrives, and its SHA-256 is read
    back. Where `renames` says so it is then renamed to its final name; elsewhere it is copied
    there within the storage and read back from there. The manifest follows in the same way and
    commits it.

    fsspec can't create a file only if there is none: that nothing else appears under the same
    key between the look and the rename is left to there being one labferry per key.

    Attributes:
        renames: Whether `rename` gives a file its new name in one step, as a POSIX rename does.
            The `mv` that a filesystem inherits from fsspec copies and deletes: leave it False.
    """

    renames: bool = False
    _connection: tuple[FileSystem, str] | None = None

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
        file = filesystem.open(path, "wb", block_size=_BLOCK)
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
        place = self._path(archive.key)
        committed = self._manifest(manifest.key)
        if committed is not None and committed.archive_id != archive.id:
            raise ConflictError(
                f"{archive.key} in {self.name} is the archive {committed.archive_id}, not "
                f"{archive.id}; it was not touched."
            )
        self._make_folder(place.rpartition("/")[0])
        self._sweep(archive.key)
        if self._size(place) is None:
            self._upload(archive, place, checkpoint)
        else:
            self._adopt(archive, place, committed, checkpoint)
        if committed is None:
            self._commit(manifest)
        return Receipt(self.name, archive.id, archive.key, archive.size, Checked.READ_BACK)

    @override
    def list(self) -> Iterator[StoredArchive]:
        sizes = dict(self._walk(""))
        for name in sorted(sizes):
            key = name.removesuffix(MANIFEST_SUFFIX)
            if key != name and key in sizes:
                manifest = self._manifest(name)
                if manifest is not None:
                    yield StoredArchive(key, sizes[key], manifest)

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        path = self._path(stored.key)
        with self._errors(f"Opening {path}"):
            file = self._fs().open(path, "rb", block_size=_BLOCK)
            file.seek(offset)
        return io.BufferedReader(Reading(file, partial(self._errors, f"Reading {path}")), _CHUNK)

    @override
    def delete(self, stored: StoredArchive) -> None:
        for key in (stored.key + MANIFEST_SUFFIX, stored.key):
            path = self._path(key)
            if self._size(path) is not None:
                with suppress(NotFoundError), self._errors(f"Deleting {path}"):
                    self._fs().rm_file(path)

    @override
    def check(self) -> Iterator[Finding]:
        root = self._root()
        token = secrets.token_bytes(32)
        first, second = (f"{root}/{_HIDDEN}check-{token.hex()[:16]}-{end}" for end in "ab")
        try:
            self._make_folder(root)
            self._try_out(first, second, token)
        except BaseException:
            self._discard(first)
            self._discard(second)
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
        if self._connection is not None:
            filesystem, _ = self._connection
            self._connection = None
            with suppress(Exception):  # there is nothing to lose in it any more
                self.disconnect(filesystem)

    def _try_out(self, first: str, second: str, token: bytes) -> None:
        """Write, publish, read and remove a small file, as a store and a delete do."""
        self._write_document(first, token)
        self._move(first, second)
        if self._read(second) != token or self._size(first) is not None:
            raise IntegrityError(f"{second} in {self.name} does not hold what was written to it.")
        with self._errors(f"Deleting {second}"):
            self._fs().rm_file(second)

    def _upload(self, archive: Archive, place: str, checkpoint: Checkpoint) -> None:
        temporary = self._temporary(archive.key)
        try:
            with archive.open() as reader:
                self._write(temporary, reader, archive.size)
            self._verify(archive, temporary)
            self._require_free(place)
            if self.renames:
                self._move(temporary, place)
            else:
                self._copy(archive, temporary, place, checkpoint)
        except BaseException:
            self._discard(temporary)
            raise

    def _require_free(self, place: str) -> None:
        if self._size(place) is not None:
            raise ConflictError(f"{place} has appeared meanwhile; it was not touched.")

    def _copy(self, archive: Archive, temporary: str, place: str, checkpoint: Checkpoint) -> None:
        """Publish without a rename; the note tells our own half copy from somebody's file."""
        checkpoint.save({"copying": archive.key})
        try:
            self._move(temporary, place)
            self._verify(archive, place)
        except BaseException:
            self._discard(place)
            raise
        checkpoint.save({})

    def _adopt(
        self, archive: Archive, place: str, committed: Manifest | None, checkpoint: Checkpoint
    ) -> None:
        """Make sure that what lies at the final name already is the archive."""
        sha256, same_size = archive.digests().sha256, self._size(place) == archive.size
        if committed is not None:
            if not same_size or committed.sha256 != sha256:
                raise IntegrityError(
                    f"{archive.key} in {self.name} is not what was stored there.",
                    hint="It was damaged or replaced since. Remove it there to store it anew.",
                )
        elif not same_size or self._sha256(place) != sha256:
            if checkpoint.load().get("copying") != archive.key:
                raise ConflictError(
                    f"{archive.key} in {self.name} exists with other content and without a "
                    "manifest; it was not touched.",
                    hint="Move it away if labferry is to keep the archive there.",
                )
            with self._errors(f"Replacing {place}"):
                self._fs().rm_file(place)
            self._upload(archive, place, checkpoint)

    def _commit(self, manifest: ManifestDraft) -> None:
        document = manifest.seal()
        place, temporary = self._path(manifest.key), self._temporary(manifest.key)
        self._sweep(manifest.key)
        try:
            self._write_document(temporary, document)
            if self._size(place) is not None:  # one that can't be read commits nothing
                with self._errors(f"Replacing {place}"):
                    self._fs().rm_file(place)
            self._move(temporary, place)
        except BaseException:
            self._discard(temporary)
            raise

    def _move(self, source: str, target: str) -> None:
        with self._errors(f"Publishing {target}"):
            if self.renames:
                self.rename(self._fs(), source, target)
            else:
                self._fs().cp_file(source, target)
                self._fs().rm_file(source)

    def _write(self, path: str, reader: ArchiveReader | io.BytesIO, size: int) -> None:
        following = Following(reader)
        try:
            with self._errors(f"Writing {path}"):
                self.write(self._fs(), path, following, size)
        except BaseException:
            if following.error is not None:  # not the driver's, whatever it made of it
                raise following.error from None
            raise

    def _verify(self, archive: Archive, path: str) -> None:
        # The reader's end was reached, so the archive is verified and this does not wait.
        if self._sha256(path) != archive.digests().sha256:
            raise IntegrityError(
                f"{path} in {self.name} does not hold what was written to it.",
                hint="The storage or the connection to it is at fault.",
            )

    def _write_document(self, path: str, document: bytes) -> None:
        self._write(path, io.BytesIO(document), len(document))
        if self._read(path) != document:
            raise IntegrityError(f"{path} does not hold what was written to it.")

    def _read(self, path: str) -> bytes:
        with self._errors(f"Reading {path}"), self._fs().open(path, "rb") as file:
            data: bytes = file.read(_MANIFEST_LIMIT)
            return data

    def _sha256(self, path: str) -> str:
        digest = hashlib.sha256()
        with (
            self._errors(f"Reading {path} back"),
            self._fs().open(path, "rb", block_size=_BLOCK) as file,
        ):
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def _manifest(self, key: str) -> Manifest | None:
        try:
            return Manifest.from_json(self._read(self._path(key)), where=key)
        except (NotFoundError, InvalidAnswerError):
            return None

    def _size(self, path: str) -> int | None:
        with suppress(NotFoundError), self._errors(f"Looking for {path}"):
            self._fs().invalidate_cache()
            return int(self._fs().info(path)["size"] or 0)
        return None

    def _walk(self, folder: str) -> Iterator[tuple[str, int]]:
        """Every key below a folder with its size; `find` would leave out what it can't list."""
        for entry in self._entries(self._path(folder) if folder else self._root()):
            name = str(entry["name"]).rstrip("/").rpartition("/")[2]
            key = f"{folder}/{name}" if folder else name
            if not _is_key(key):
                continue
            if entry["type"] == "directory":
                yield from self._walk(key)
            else:
                yield key, int(entry["size"] or 0)

    def _entries(self, path: str) -> Sequence[dict[str, Any]]:
        with suppress(NotFoundError), self._errors(f"Listing {path}"):
            self._fs().invalidate_cache()
            return self._fs().ls(path, detail=True)
        return []

    def _sweep(self, key: str) -> None:
        """Remove what stores of this archive left behind that were killed."""
        folder, mark = self._path(key).rpartition("/")[0], _mark(key)
        for entry in self._entries(folder):
            name = str(entry["name"]).rpartition("/")[2]
            if name.startswith(mark):
                self._discard(f"{folder}/{name}")

    def _discard(self, path: str) -> None:
        with suppress(LabferryError):  # what goes wrong in cleaning up is cleaned up next time
            if self._size(path) is not None:
                with self._errors(f"Deleting {path}"):
                    self._fs().rm_file(path)

    def _make_folder(self, path: str) -> None:
        if not path:
            return
        with self._errors(f"Making the folder {path}"):
            try:
                self._fs().makedirs(path, exist_ok=True)
            except Exception:
                if not self._fs().isdir(path):  # else another store made it at the same time
                    raise

    def _temporary(self, key: str) -> str:
        folder = self._path(key).rpartition("/")[0]
        return f"{folder}/{_mark(key)}{secrets.token_hex(4)}"

    def _path(self, key: str) -> str:
        return f"{self._root()}/{check_key(key)}"

    def _root(self) -> str:
        return self._connected()[1]

    def _fs(self) -> FileSystem:
        return self._connected()[0]

    def _connected(self) -> tuple[FileSystem, str]:
        if self._connection is None:
            with self._errors("Connecting"):
                filesystem, root = self.connect()
            _never_remember_listings(filesystem)
            self._connection = (filesystem, root.rstrip("/"))
        return self._connection

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """Turn what a driver raises into labferry's errors; forget a connection that is lost."""
        try:
            yield
        except LabferryError:
            raise
        except Exception as error:
            found = classified(error, f"{doing} in {self.name}")
            if isinstance(found, TransientError):
                self.close()
            raise found from error


def _is_key(key: str) -> bool:
    try:
        check_key(key)
    except InvalidAnswerError:
        return False
    return True


def _never_remember_listings(filesystem: FileSystem) -> None:
    cache = getattr(filesystem, "dircache", None)
    if cache is not None and hasattr(cache, "use_listings_cache"):
        cache.use_listings_cache = False


def _mark(key: str) -> str:
    """How the temporary names of a key's file begin; short whatever the key's length."""
    return f"{_HIDDEN}{hashlib.sha256(key.encode()).hexdigest()[:16]}-"
