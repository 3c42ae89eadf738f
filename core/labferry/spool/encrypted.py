"""The encrypted form of an archive: a file beside it in the spool, made once and kept.

Encrypting again would give other bytes, and an interrupted upload could not be continued.
"""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import override

from labferry.sdk import Archive, ArchiveReader, Digests
from labferry.sdk.files import FileKindError
from labferry.spool.archive import FollowedArchive, SpoolArchive
from labferry.spool.digesting import Hasher, HasherOptions
from labferry.spool.errors import spool_errors, spool_folder
from labferry.spool.reader import FollowingReader
from labferry.spool.space import require_space

AGE_SUFFIX = ".age"
_CHUNK = 1 << 20
_NOTE_LIMIT = 16 << 20


@dataclass(frozen=True, slots=True)
class _Content:
    size: int
    digests: Digests
    sealed: str


class _Note(BaseModel):
    """What is known of an encrypted file. Written last, it makes the file one to be used."""

    model_config = ConfigDict(extra="forbid", strict=True)

    plain: str
    size: int
    sha256: str
    sealed: str


class EncryptedArchive(Archive):
    """An archive as the destinations with certain recipients get it.

    Once the archive that it was made of is refused, its readers raise the reason, too.

    Args:
        plain: The archive that it was made of.
        path: The encrypted file.
        key: Where a destination keeps it.
        content: What is in it.

    Attributes:
        sealed: The text that was made with it, see `EncryptedFile.make`.
    """

    def __init__(self, plain: Archive, path: Path, key: str, content: _Content) -> None:
        self.id = plain.id
        self.source = plain.source
        self.key = key
        self.size = content.size
        self.crc32 = content.digests.crc32
        self.sealed = content.sealed
        self._plain = plain
        self._path = path
        self._content = content

    def at(self, key: str) -> "EncryptedArchive":
        """The same under another key."""
        return EncryptedArchive(self._plain, self._path, key, self._content)

    @override
    def digests(self) -> Digests:
        self._plain.digests()
        return self._content.digests

    @override
    def open(self, offset: int = 0) -> ArchiveReader:
        return FollowingReader(self, self._path, 0, offset)

    def wait_beyond(self, offset: int, generation: int) -> int:
        """For the reader: how far it may read, unless the archive was refused."""
        del offset, generation
        self._plain.digests()
        return self.size


class HashingFile:
    """A file to write to, which is hashed on the way."""

    def __init__(self, file: BinaryIO, path: Path, hasher: Hasher) -> None:
        self.hasher = hasher
        self._file = file
        self._path = path

    def write(self, data: bytes) -> None:
        """Write all of it."""
        with spool_errors(self._path):
            self._file.write(data)
        self.hasher.update(data)


class EncryptedFile:
    """The file in the spool.

    Args:
        path: Where.
        plain: The archive that it is, or will be, made of.
        md5: Whether a destination needs its MD5.
        lock: Of this path.

    Attributes:
        lock: Hold it while calling `load` and `make`: destinations share the file.
    """

    def __init__(
        self, path: Path, plain: SpoolArchive | FollowedArchive, *, md5: bool, lock: Lock
    ) -> None:
        self.lock = lock
        self._path = path
        self._note_path = path.with_name(f"{path.name}.json")
        self._plain = plain
        self._md5 = md5

    def load(self) -> EncryptedArchive | None:
        """What an earlier attempt made of the same archive; None where that is not whole.

        Where there is something to compare, it waits until the archive is verified, and raises
        what `Archive.digests` raises.
        """
        note = self._note()
        if note is None or note.plain != self._plain.digests().sha256:
            return None
        hasher = self._hashed()
        digests = hasher.digests()
        if (hasher.size, digests.sha256) != (note.size, note.sha256):
            return None
        return self._archive(_Content(note.size, digests, note.sealed))

    def make(
        self,
        encrypt: Callable[[ArchiveReader, HashingFile], None],
        seal: Callable[[Digests], str],
    ) -> EncryptedArchive:
        """Make it anew, following the archive's download where that is still under way.

        It is on the disk when this returns.

        Args:
            encrypt: Encrypts all that it can read.
            seal: Makes a text to be kept with it, given the archive's digests.

        Raises:
            FullError: There is not enough space.
            LabferryError: The archive does not come; see `ArchiveReader.read`.
        """
        self._discard()
        plain, hasher = self._plain, Hasher(HasherOptions(md5=self._md5))
        # What is still missing of the archive itself goes before.
        missing = 2 * plain.size - plain.received
        require_space(self._path.parent, missing, f"Encrypting {plain.id}")
        with _new_file(self._path) as file, plain.open() as reader:
            encrypt(reader, HashingFile(file, self._path, hasher))
        digests = plain.digests()
        content = _Content(hasher.size, hasher.digests(), seal(digests))
        note = _Note(
            plain=digests.sha256,
            size=content.size,
            sha256=content.digests.sha256,
            sealed=content.sealed,
        )
        with _new_file(self._note_path) as file:
            file.write(note.model_dump_json().encode())
        return self._archive(content)

    def _archive(self, content: _Content) -> EncryptedArchive:
        return EncryptedArchive(self._plain, self._path, self._plain.key + AGE_SUFFIX, content)

    def _note(self) -> _Note | None:
        with spool_folder(self._path.parent) as folder, spool_errors(self._note_path):
            try:
                folder.open(self._path.name).close()
                text = folder.read(self._note_path.name, _NOTE_LIMIT)
            except (FileNotFoundError, FileKindError, PermissionError):
                # Somebody else's, as a run of root's leaves them, and links are made anew.
                return None
        try:
            return _Note.model_validate_json(text)
        except ValidationError:
            return None

    def _hashed(self) -> Hasher:
        hasher = Hasher(HasherOptions(md5=self._md5))
        with (
            spool_folder(self._path.parent) as folder,
            spool_errors(self._path),
            folder.open(self._path.name) as file,
        ):
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
                self._plain.digests()  # raises where the run is to stop
        return hasher

    def _discard(self) -> None:
        with spool_folder(self._path.parent) as folder:
            for path in (self._note_path, self._path):
                folder.unlink(path.name)


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that gets its name when all of it is on the disk, or goes away."""
    name = f"{path.name}.part"
    with spool_folder(path.parent) as folder:
        # What another run left may belong to somebody else, but the folder is ours.
        folder.unlink(name)
        try:
            with spool_errors(path), io.BufferedRandom(folder.create(name, 0o600)) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            with spool_errors(path):
                folder.replace(name, path.name)
                folder.sync()
        finally:
            folder.unlink(name)
