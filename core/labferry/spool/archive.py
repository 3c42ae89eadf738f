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
from labferry.spool.digesting import FileHasher
from labferry.spool.errors import open_for_writing, spool_errors
from labferry.spool.reader import FollowingReader

Patience = Callable[[], None]
_LOOK = 1.0
"""Seconds between two questions whether to wait any longer."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What an archive is said to be before its first byte arrives.

    Attributes:
        id: Its name.
        source: The source's name in the configuration.
        key: Where a destination keeps it.
        size: Its size in bytes.
        crc32: Its CRC-32.
    """

    id: str
    source: str
    key: str
    size: int
    crc32: int


class SpoolArchive(Archive):
    """One archive's file in the spool.

    The writer calls `resume`, then `write` for what arrives, then `verify`. Readers may open it
    at any time; they wait for bytes, and for the verdict before they give out the last one.

    Args:
        path: The file; it need not exist.
        declared: What the archive is said to be.
        md5: Whether a destination needs an MD5.
    """

    def __init__(self, path: Path, declared: Declared, *, md5: bool = False) -> None:
        self.id = declared.id
        self.source = declared.source
        self.key = declared.key
        self.size = declared.size
        self.crc32 = declared.crc32
        self.path = path
        self._md5 = md5
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
        if size > self.size:
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
        if offset + len(chunk) > self.size:
            raise IntegrityError(
                f"The server sends more than the {self.size} bytes that it declared."
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
        """Compare size and CRC-32 with what was declared; the readers go on waiting.

        Raises:
            IntegrityError: They differ. Nothing is given out, see `restart`.
            StateError: The spool can't be read.
        """
        if self.received != self.size:
            raise IntegrityError(
                f"Only {self.received} of the declared {self.size} bytes came from the server."
            )
        digests = self._hasher.digests()
        if digests.crc32 != self.crc32:
            raise IntegrityError(
                f"The bytes that came have CRC-32 {digests.crc32:08x}, "
                f"but the server declared {self.crc32:08x}."
            )
        return digests

    def accept(self, digests: Digests) -> None:
        """Let the readers finish: the archive is verified."""
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
        """Whether all of the archive is here, and right."""
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
        return FileHasher(self.path, self._file, md5=self._md5)

    def _grow(self, size: int) -> None:
        self._hasher.grow(size)
        with self._changed:
            self._received = size
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
