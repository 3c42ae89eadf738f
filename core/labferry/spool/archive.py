"""An archive in the spool: written by one thread, followed by any number of readers."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

from typing_extensions import override

from labferry.sdk import (
    Archive,
    ArchiveReader,
    Digests,
    IntegrityError,
    LabferryError,
    TransientError,
)
from labferry.spool.digesting import FileHasher, HasherOptions
from labferry.spool.errors import open_for_writing, spool_errors
from labferry.spool.reader import FollowingReader

Patience = Callable[[], None]
_LOOK = 1.0
"""Seconds between two questions whether to wait any longer."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What an archive is said to be before its first byte arrives. None is what nobody declared.

    Attributes:
        id: Its name.
        source: The source's name in the configuration.
        key: Where a destination keeps it.
        size: Its size in bytes.
        crc32: Its CRC-32.
        md5: Its MD5 in hexadecimal, as those that follow.
        sha1: Its SHA-1.
        sha256: Its SHA-256.
        sha512: Its SHA-512.
    """

    id: str
    source: str
    key: str
    size: int | None
    crc32: int | None
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    sha512: str | None = None

    @property
    def has_digest(self) -> bool:
        """Whether two archives that fit can hardly differ."""
        return any((self.md5, self.sha1, self.sha256, self.sha512)) or self.can_be_followed

    @property
    def can_be_followed(self) -> bool:
        """Whether sinks, which need size and CRC-32, can begin before the last byte is here."""
        return self.size is not None and self.crc32 is not None

    def require(self, digests: Digests) -> None:
        """Compare every digest that is declared.

        Raises:
            IntegrityError: One differs.
        """
        if self.crc32 not in {None, digests.crc32}:
            raise IntegrityError(
                f"The bytes that came have CRC-32 {digests.crc32:08x}, "
                f"but the server declared {self.crc32:08x}."
            )
        for title, declared, found in (
            ("MD5", self.md5, digests.md5),
            ("SHA-1", self.sha1, digests.sha1),
            ("SHA-256", self.sha256, digests.sha256),
            ("SHA-512", self.sha512, digests.sha512),
        ):
            if declared is not None and declared.lower() != found:
                raise IntegrityError(
                    f"The bytes that came have {title} {found}, but should have {declared}."
                )


class SpoolArchive(Archive):
    """One archive's file in the spool.

    The writer calls `resume`, then `write` for what arrives, then `verify`. Readers may open it
    at any time; they wait for bytes, and for the verdict before they give out the last one. Without
    a declared size and CRC-32, `size` and `crc32` are right only once `check` has returned.

    Args:
        path: The file; it need not exist.
        declared: What the archive is said to be.
        md5: Whether a destination needs an MD5.

    Attributes:
        declared: What the archive is said to be.
    """

    def __init__(self, path: Path, declared: Declared, *, md5: bool = False) -> None:
        self.id = declared.id
        self.source = declared.source
        self.key = declared.key
        self.declared = declared
        self.size = declared.size or 0
        self.crc32 = declared.crc32 or 0
        self.path = path
        self._hasher_options = HasherOptions(
            md5=md5 or declared.md5 is not None,
            sha1=declared.sha1 is not None,
            sha512=declared.sha512 is not None,
        )
        self._changed = Condition()
        self._received = 0
        self._generation = 0
        self._verdict: Digests | LabferryError | None = None
        self._closed = False
        self._file = open_for_writing(path)
        self._hasher = self._new_hasher()

    @property
    def received(self) -> int:
        """How many bytes are here."""
        return self._received

    def resume(self) -> int:
        """Take in what an earlier run left of the file, and return how many bytes that is."""
        with spool_errors(self.path):
            size = os.fstat(self._file).st_size
        if self.declared.size is not None and size > self.declared.size:
            self.restart()
        else:
            self._grow(size)
        return self.received

    def write(self, offset: int, chunk: bytes | bytearray) -> bool:
        """Take in bytes that belong at an offset.

        Bytes that are here already are compared, not written again: a download that has to begin
        anew does not disturb the readers that are ahead of it.

        Returns:
            False where they differ from what is here; the file is then useless, see `restart`.

        Raises:
            IntegrityError: There are more bytes than were declared, or some are left out.
            FullError: The spool has no space left.
        """
        declared = self.declared.size
        if declared is not None and offset + len(chunk) > declared:
            raise IntegrityError(
                f"The server sends more than the {declared} bytes that it declared."
            )
        if offset > self.received:
            raise IntegrityError(
                f"The server sends what begins at byte {offset}, "
                f"but only {self.received} bytes came before."
            )
        known = min(len(chunk), self.received - offset)
        if known and not self._holds(offset, chunk[:known]):
            return False
        if known < len(chunk):
            with memoryview(chunk) as view:
                self._write_all(view[known:])
            self._grow(offset + len(chunk))
        return True

    def restart(self) -> None:
        """Forget every byte. Readers that have some raise TransientError."""
        self._hasher.end()
        with self._changed:
            self._generation += 1
            self._received = 0
            with spool_errors(self.path):
                os.ftruncate(self._file, 0)
            self._hasher = self._new_hasher()
            self._changed.notify_all()

    def verify(self) -> Digests:
        """Compare with what was declared, and let the readers finish: `check` and `accept`.

        Raises:
            IntegrityError: It differs. Nothing is given out, see `restart`.
        """
        digests = self.check()
        self.accept(digests)
        return digests

    def check(self) -> Digests:
        """Compare size and digests with what was declared; the readers go on waiting.

        Without a declared size, call it when all is here.

        Raises:
            IntegrityError: They differ. Nothing is given out, see `restart`.
            StateError: The spool can't be read.
        """
        if self.received != self.size:
            raise IntegrityError(
                f"Only {self.received} of the declared {self.size} bytes came from the server."
            )
        digests = self._hasher.digests()
        self.declared.require(digests)
        self.crc32 = digests.crc32
        return digests

    def accept(self, digests: Digests) -> None:
        """Let the readers finish: the archive is what was declared."""
        self._decide(digests)

    def refuse(self, error: LabferryError) -> None:
        """Give nothing out any more: readers raise `error` from now on."""
        self._decide(error)

    @property
    def is_refused(self) -> bool:
        """Whether the archive will not come in this run."""
        return isinstance(self._verdict, LabferryError)

    @property
    def is_verified(self) -> bool:
        """Whether all of the archive is here, and what was declared."""
        return isinstance(self._verdict, Digests)

    @override
    def digests(self, patience: Patience | None = None) -> Digests:
        with self._changed:
            generation = self._generation
            while self._verdict is None and generation == self._generation:
                self._wait(patience)
            return self._known(generation)

    @override
    def open(self, offset: int = 0) -> ArchiveReader:
        return FollowingReader(self, self.path, self._generation, offset)

    def followed(self, patience: Patience) -> "FollowedArchive":
        """The same archive for somebody who does not wait for ever.

        Args:
            patience: Called again and again while readers wait; what it raises, readers raise.
        """
        return FollowedArchive(self, patience)

    def wait_beyond(self, offset: int, generation: int, patience: Patience | None = None) -> int:
        """How far a reader may read, waiting until that is beyond an offset or the end.

        Raises:
            LabferryError: There will be no more; as in `ArchiveReader.read`.
        """
        with self._changed:
            while self._verdict is None and generation == self._generation:
                # The last byte stays back: whoever counts bytes must not finish before the verdict.
                readable = min(self.received, self.size - 1)
                if readable > offset:
                    return readable
                self._wait(patience)
            self._known(generation)
            return self.size

    @property
    def generation(self) -> int:
        """How often the download began anew."""
        return self._generation

    def _wait(self, patience: Patience | None) -> None:
        self._changed.wait(None if patience is None else _LOOK)
        if patience is not None:
            patience()

    def close(self) -> None:
        """Close the file; readers keep theirs. May be called again."""
        if not self._closed:
            self._closed = True
            self._hasher.end()
            os.close(self._file)

    def _new_hasher(self) -> FileHasher:
        return FileHasher(self.path, self._file, self._hasher_options)

    def _grow(self, size: int) -> None:
        self._hasher.grow(size)
        with self._changed:
            self._received = size
            if self.declared.size is None:
                self.size = size
            self._changed.notify_all()

    def _holds(self, offset: int, chunk: bytes | bytearray) -> bool:
        with spool_errors(self.path):
            return os.pread(self._file, len(chunk), offset) == chunk

    def _write_all(self, chunk: memoryview) -> None:
        at = self.received
        with spool_errors(self.path):
            while chunk:
                done = os.pwrite(self._file, chunk, at)
                chunk, at = chunk[done:], at + done

    def _known(self, generation: int) -> Digests:
        if isinstance(self._verdict, Digests) and generation == self._generation:
            return self._verdict
        if isinstance(self._verdict, LabferryError):
            raise self._verdict.with_traceback(None)
        raise TransientError("The download began anew.")

    def _decide(self, verdict: Digests | LabferryError) -> None:
        with self._changed:
            self._verdict = verdict
            self._changed.notify_all()


class FollowedArchive(Archive):
    """An archive whose readers ask, while nothing comes, whether to wait any longer.

    Args:
        archive: The archive.
        patience: See `SpoolArchive.followed`.
    """

    def __init__(self, archive: SpoolArchive, patience: Patience) -> None:
        self.id = archive.id
        self.source = archive.source
        self.key = archive.key
        self.size = archive.size
        self.crc32 = archive.crc32
        self._archive = archive
        self._patience = patience

    @property
    def received(self) -> int:
        """How many bytes are here."""
        return self._archive.received

    def check_patience(self) -> None:
        """Raise if there is no point in waiting any longer."""
        self._patience()

    @override
    def digests(self) -> Digests:
        return self._archive.digests(self._patience)

    @override
    def open(self, offset: int = 0) -> ArchiveReader:
        return FollowingReader(self, self._archive.path, self._archive.generation, offset)

    def wait_beyond(self, offset: int, generation: int) -> int:
        """For the reader: how far it may read."""
        return self._archive.wait_beyond(offset, generation, self._patience)
