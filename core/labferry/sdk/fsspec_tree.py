"""The folder that a sink keeps its archives in, reached through a filesystem of fsspec's."""

import hashlib
import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO, Protocol

from labferry.sdk.archive import ArchiveReader
from labferry.sdk.errors import (
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    TransientError,
)
from labferry.sdk.fsspec_errors import classified
from labferry.sdk.fsspec_files import FileSystem, Following, Reading, block_option
from labferry.sdk.keys import check_key, is_key
from labferry.sdk.manifest import Manifest
from labferry.sdk.quantities import Pacer
from labferry.sdk.strays import Found, changed_at

__all__ = ["Driver", "Tree"]

_log = logging.getLogger(__name__)
_CHUNK = 1 << 20
_MANIFEST_LIMIT = (1 << 20) + 1
_NO_NAMES = {"", ".", ".."}
_TIMES = ("mtime", "LastModified", "last_modified", "modified", "created")


class Driver(Protocol):
    """What a sink says of its filesystem; see `FsspecSink`."""

    name: str
    renames: bool
    block_size: int | None

    def connect(self) -> tuple[FileSystem, str]:
        """A new filesystem, and the root folder in it."""

    def disconnect(self, filesystem: FileSystem) -> None:
        """Close what it holds open."""

    def rename(self, filesystem: FileSystem, source: str, target: str) -> None:
        """Give a file another name."""

    def write(self, filesystem: FileSystem, path: str, archive: Following, size: int) -> None:
        """Write a file."""


class Tree:
    """A folder and everything below it; what goes wrong is one of labferry's errors.

    Args:
        driver: What makes and uses the filesystem.
        rate: How many bytes a second to send at most.
    """

    def __init__(self, driver: Driver, rate: int | None) -> None:
        self._driver = driver
        self._rate = rate
        self.connection: tuple[FileSystem, str] | None = None

    @property
    def name(self) -> str:
        """The destination's name in the configuration."""
        return self._driver.name

    @property
    def renames(self) -> bool:
        """Whether `move` is one step."""
        return self._driver.renames

    @property
    def root(self) -> str:
        """The folder, without a `/` at its end."""
        return self._connected()[1]

    def path(self, key: str) -> str:
        """Where a key's file is.

        Raises:
            InvalidAnswerError: It is not made of plain safe names.
        """
        return f"{self.root}/{check_key(key)}"

    def close(self) -> None:
        """Close the connection; what comes next makes another one."""
        if self.connection is not None:
            filesystem, _ = self.connection
            self.connection = None
            with suppress(Exception):  # there is nothing to lose in it any more
                self._driver.disconnect(filesystem)

    def open(self, path: str, offset: int) -> BinaryIO:
        """A file to read, from an offset on."""
        with self.errors(f"Opening {path}"):
            file = self._open(path)
            file.seek(offset)
        return io.BufferedReader(Reading(file, partial(self.errors, f"Reading {path}")), _CHUNK)

    def read(self, path: str) -> bytes:
        """The content of a small file, cut short where it is too large for one."""
        with self.errors(f"Reading {path}"), self._fs.open(path, "rb") as file:
            data: bytes = file.read(_MANIFEST_LIMIT)
            return data

    def sha256(self, path: str) -> str:
        """The SHA-256 of a file, every byte of it read back."""
        digest = hashlib.sha256()
        with (
            self.errors(f"Reading {path} back"),
            self._open(path) as file,
        ):
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def manifest(self, key: str) -> Manifest | None:
        """The manifest of that key; None where there is none that can be read."""
        try:
            return Manifest.from_json(self.read(self.path(key)), where=key)
        except NotFoundError:
            return None
        except InvalidAnswerError as error:
            _log.warning("%s: %s is left out: %s", self.name, key, error)
            return None

    def size(self, path: str) -> int | None:
        """A file's size; None where there is none."""
        with suppress(NotFoundError), self.errors(f"Looking for {path}"):
            self._fs.invalidate_cache()
            return int(self._fs.info(path)["size"] or 0)
        return None

    def write(self, path: str, reader: ArchiveReader | io.BytesIO, size: int) -> None:
        """Write a file of which somebody else gives the bytes."""
        following = Following(reader, Pacer(self._rate))
        try:
            with self.errors(f"Writing {path}"):
                self._driver.write(self._fs, path, following, size)
        except BaseException:
            if following.error is not None:  # not the driver's, whatever it made of it
                raise following.error from None
            raise

    def write_document(self, path: str, document: bytes) -> None:
        """Write a small file, and make sure of it."""
        self.write(path, io.BytesIO(document), len(document))
        if self.read(path) != document:
            raise IntegrityError(f"{path} does not hold what was written to it.")

    def move(self, source: str, target: str) -> None:
        """Give a file another name in the same folder, in one step if the storage can."""
        with self.errors(f"Publishing {target}"):
            if self.renames:
                self._driver.rename(self._fs, source, target)
            else:
                self._fs.cp_file(source, target)
                self._fs.rm_file(source)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        if self.size(path) is not None:
            with suppress(NotFoundError), self.errors(f"Deleting {path}"):
                self._fs.rm_file(path)

    def discard(self, path: str) -> None:
        """Remove a file if that is possible; what stays is cleaned up another time."""
        with suppress(LabferryError):
            self.remove(path)

    def discard_unseen(self, path: str) -> None:
        """Remove a file, if that is possible, that may be there although no listing shows it."""
        with suppress(LabferryError), self.errors(f"Deleting {path}"):
            self._fs.rm_file(path)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        if not path:
            return
        with self.errors(f"Making the folder {path}"):
            try:
                self._fs.makedirs(path, exist_ok=True)
            except Exception:
                if not self._fs.isdir(path):  # else another store made it at the same time
                    raise

    def walk(self, folder: str = "") -> Iterator[Found]:
        """Every file below a folder; of folders that no key can lie in, they themselves.

        fsspec's `find` would leave out what it can't list.
        """
        for entry in self._entries(self.path(folder) if folder else self.root):
            name = str(entry["name"]).rstrip("/").rpartition("/")[2]
            if name in _NO_NAMES:
                continue
            key = f"{folder}/{name}" if folder else name
            if entry["type"] == "directory" and is_key(key):
                yield from self.walk(key)
            else:
                is_file = entry["type"] == "file"
                yield Found(key, int(entry["size"] or 0), _changed(entry), is_file)

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
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

    def _open(self, path: str) -> Any:  # noqa: ANN401 - a file of some driver's
        return self._fs.open(path, "rb", **block_option(self._driver.block_size))

    def _entries(self, path: str) -> Sequence[dict[str, Any]]:
        with suppress(NotFoundError), self.errors(f"Listing {path}"):
            self._fs.invalidate_cache()
            return self._fs.ls(path, detail=True)
        return []

    @property
    def _fs(self) -> FileSystem:
        return self._connected()[0]

    def _connected(self) -> tuple[FileSystem, str]:
        if self.connection is None:
            with self.errors("Connecting"):
                filesystem, root = self._driver.connect()
            _never_remember_listings(filesystem)
            self.connection = (filesystem, root.rstrip("/"))
        return self.connection


def _changed(entry: dict[str, Any]) -> datetime | None:
    """When a file changed, by whatever word its driver has for that."""
    for word in _TIMES:
        moment = entry.get(word)
        if isinstance(moment, datetime | int | float):
            return changed_at(moment)
    return None


def _never_remember_listings(filesystem: FileSystem) -> None:
    cache = getattr(filesystem, "dircache", None)
    if cache is not None and hasattr(cache, "use_listings_cache"):
        cache.use_listings_cache = False
