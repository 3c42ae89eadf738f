"""Stored copies, read: the one reader, and the one judgement of what it finds.

A copy is good if all of it can be read and is what its manifest says. One that differs, that its
storage can't read (asked twice), or that is gone is not: `IntegrityError`. If the destination can't
be asked, nothing is known about the copy: any other error.
"""

import errno
import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

from labferry.config import SinkConfig
from labferry.copies.partial_file import RESTORE, Hash, require_space
from labferry.encryption import decrypted, open_sealed
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.retry import RetryPolicy, retry
from labferry.runtime.stop import Stop
from labferry.sdk import (
    IntegrityError,
    LabferryError,
    Manifest,
    NotFoundError,
    RefusedError,
    Secret,
    Sink,
    StoredArchive,
    TransientError,
)
from labferry.sdk.disk_errors import ACCESS
from labferry.sdk.files import disk_errors
from labferry.sdk.zips import Crate, ZipArchive

_log = logging.getLogger(__name__)
_CHUNK = 1 << 20
_ZIP, _ELN = ".zip", ".eln"
_BAD_MEDIUM = {errno.EIO, errno.EBADMSG, errno.EUCLEAN}
"""How Linux says that a disk or a file system can't give back what it was given."""

_NETWORK = {
    errno.ECONNABORTED,
    errno.ECONNRESET,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENOTCONN,
    errno.EPIPE,
    errno.ESTALE,
    errno.ETIMEDOUT,
}


class Readable(Protocol):
    """Something to read from, front to back."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most so many; none at the end."""


class UnsoundArchiveError(IntegrityError):
    """A copy is byte for byte what was stored, but what was stored is no sound zip file."""


class UnreadableCopyError(IntegrityError):
    """The storage can't read a copy that it has: twice it said so. What was read before is good."""


class CopyReader:
    """The bytes of a copy as its destination gives them, counted and hashed as they come.

    A connection that breaks is taken up again where it broke, and so is a read that fails.

    Args:
        sink: The destination.
        stored: The copy.
        stop: Ends the reading.
        offset: Where to begin.
        digest: A SHA-256 that has taken in what comes before the offset; ours by default.
        reached: Called with the offset that the reading has come to.
        policy: How patient to be if the connection breaks; failures count from zero after each
            piece that came.
    """

    def __init__(  # noqa: PLR0913 - what a resumed read needs
        self,
        sink: Sink[Any],
        stored: StoredArchive,
        stop: Stop,
        *,
        offset: int = 0,
        digest: Hash | None = None,
        reached: Callable[[int], object] | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._sink = sink
        self._stored = stored
        self._stop = stop
        self._offset = offset
        self._digest = digest or hashlib.sha256()
        self._reached = reached
        self._policy = policy
        self._file: BinaryIO | None = None

    @property
    def offset(self) -> int:
        """How far the reading has come."""
        return self._offset

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end.

        Raises:
            IntegrityError: There are more than the manifest says, they can't be read, or the copy
                is gone.
            LabferryError: The destination can't be asked.
            StoppedError: A signal came.
        """
        self._stop.check()
        data = self._read_patiently(size if size >= 0 else _CHUNK)
        self._offset += len(data)
        self._digest.update(data)
        if self._reached is not None:
            self._reached(self._offset)
        if self._offset > self._stored.manifest.size:
            raise self._damaged(f"it has more than the {self._stored.manifest.size} bytes")
        return data

    def check(self) -> None:
        """Make sure, at the end, that what was read is what the manifest says.

        Raises:
            IntegrityError: It is not.
        """
        manifest = self._stored.manifest
        if self._offset != manifest.size:
            raise self._damaged(f"it has {self._offset} bytes instead of the {manifest.size}")
        if self._digest.hexdigest() != manifest.sha256:
            raise self._damaged("its SHA-256 is not that")

    def read_rest(self) -> None:
        """Read all that is left, and make sure of the whole.

        Raises:
            IntegrityError: The copy is not what its manifest says, can't be read, or is gone.
            LabferryError: The destination can't be asked.
            StoppedError: A signal came.
        """
        while self.read(_CHUNK):
            pass
        self.check()

    def close(self) -> None:
        """Give the connection back."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(Exception):  # everything that counts was read
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read_patiently(self, size: int) -> bytes:
        return retry(
            lambda: self._read_twice(size),
            self._stop,
            f"{self._sink.name}: {self._stored.key}",
            self._policy,
        )

    def _read_twice(self, size: int) -> bytes:
        try:
            return self._read_once(size)
        except UnreadableCopyError as error:
            _log.info("%s: %s Reading there once more.", self._sink.name, error.message)
            return self._read_once(size)

    def _read_once(self, size: int) -> bytes:
        try:
            if self._file is None:
                self._file = self._sink.open(self._stored, self._offset)
            return self._file.read(size)
        except NotFoundError as error:
            self.close()
            # Raises if it is the destination itself that is not there, such as a disk.
            next(iter(self._sink.list()), None)
            raise IntegrityError(f"{self._stored.key} is gone: {error.message}") from error
        except Exception as error:
            self.close()
            raise self._classified(error) from error

    def _classified(self, error: Exception) -> LabferryError:
        # Sinks that name a cause keep the operating system's error behind it.
        cause = error.__cause__ if isinstance(error, LabferryError) else error
        number = cause.errno if isinstance(cause, OSError) else None
        reason = getattr(cause, "strerror", None) or str(cause)
        text = f"{self._stored.key} can't be read: {reason}."
        if number in _BAD_MEDIUM:
            return UnreadableCopyError(text)
        if not isinstance(error, OSError):
            return wrap_plugin_error(error, f"The sink of {self._sink.name}")
        if number in _NETWORK or isinstance(error, ConnectionError | TimeoutError):
            return TransientError(text)
        return RefusedError(text) if number in ACCESS else LabferryError(text)

    def _damaged(self, what: str) -> IntegrityError:
        return IntegrityError(f"{self._stored.key} is damaged: {what} of its manifest.")


def read_copy(
    sink: Sink[Any],
    stored: StoredArchive,
    stop: Stop,
    *,
    reached: Callable[[int], object] | None = None,
    policy: RetryPolicy | None = None,
) -> None:
    """Read a copy to its end and compare it with its manifest, in little memory.

    Args:
        sink: The destination.
        stored: The copy.
        stop: Ends the reading.
        reached: Called with the offset that the reading has come to.
        policy: How patient to be if the connection breaks.

    Raises:
        IntegrityError: It is not what its manifest says, can't be read, or is gone.
        LabferryError: The destination can't be asked.
        StoppedError: A signal came.
    """
    with CopyReader(sink, stored, stop, reached=reached, policy=policy) as reader:
        reader.read_rest()


def read_contents(
    sink: Sink[Any],
    stored: StoredArchive,
    identities: Sequence[Secret],
    folder: Path,
    stop: Stop,
    *,
    reached: Callable[[int], object] | None = None,
) -> None:
    """Read a copy once, compare it with its manifest, decrypt it, and test what is in it.

    The content goes to a file without a name, as large as the archive: nothing of it stays
    behind, however this ends. Memory is bounded.

    Args:
        sink: The destination.
        stored: The copy.
        identities: The private keys to try, if it is encrypted.
        folder: Where to put that file.
        stop: Ends the reading.
        reached: Called with the offset that the reading has come to.

    Raises:
        UnsoundArchiveError: The copy is what was stored, but that is no sound zip file.
        IntegrityError: The copy is not what its manifest says, can't be read, or is gone.
        RefusedError: None of the private keys fits.
        FullError: There is not enough space.
        LabferryError: The destination can't be asked.
        StoppedError: A signal came.
    """
    manifest = plain_manifest(stored, identities)
    require_space(folder, manifest.size)
    with disk_errors(folder, RESTORE), tempfile.TemporaryFile(dir=folder) as file:
        with CopyReader(sink, stored, stop, reached=reached) as reader:
            with plain_stream(stored, reader, identities) as plain:
                _fill(file, plain, manifest)
            reader.read_rest()
        check_contents(file, manifest, stop)


def check_contents(file: BinaryIO, manifest: Manifest, stop: Stop) -> int | None:
    """Test every member of an archive that is what its manifest says.

    The files in an `.eln` file must also be those that its own metadata describe.

    Args:
        file: The archive.
        manifest: Its manifest.
        stop: Ends the test.

    Returns:
        How many files are in it; None if it is neither a zip nor an .eln file by its name.

    Raises:
        UnsoundArchiveError: It is no sound zip file, or lacks some of its files.
        StoppedError: A signal came.
    """
    if not manifest.file.endswith((_ZIP, _ELN)):
        return None
    try:
        contents = ZipArchive(file)
        if manifest.file.endswith(_ZIP):
            return contents.test(stop.check)
        report = Crate(contents).test(stop.check)
    except IntegrityError as error:
        raise UnsoundArchiveError(
            f"{manifest.archive_id} is what was stored, but can't be unpacked: {error.message}",
            hint="Every other copy has the same bytes. Restore an older archive, or export again.",
        ) from error
    if report.problem:
        raise UnsoundArchiveError(
            f"{manifest.archive_id} is what was stored, but is not complete. {report.problem}",
            hint="Every other copy has the same bytes. Look whether the notebook server itself "
            "still has these files; then export again.",
        )
    return report.files


def identities_for(config: SinkConfig, given: Sequence[Secret]) -> Sequence[Secret]:
    """The private keys to try: those that were given, or else those of the destination.

    The destination's are left out if others were given: they may be somewhere else today.
    """
    encrypt = config.settings.encrypt
    return given or (encrypt.identities if encrypt else ())


def plain_manifest(stored: StoredArchive, identities: Sequence[Secret]) -> Manifest:
    """The manifest of the content: the one beside a copy, or the one that is sealed in that.

    Raises:
        RefusedError: None of the private keys fits.
        IntegrityError: What is sealed is damaged.
    """
    return open_sealed(stored.manifest, identities)


@contextmanager
def plain_stream(
    stored: StoredArchive, reader: CopyReader, identities: Sequence[Secret]
) -> Iterator[Readable]:
    """The content of a copy, decrypted if need be, as it is read.

    Args:
        stored: The copy.
        reader: Reads it, from its beginning if it is encrypted.
        identities: The private keys to try.

    Raises:
        RefusedError: None of the private keys fits.
        IntegrityError: It is damaged.
    """
    encryption = stored.manifest.encryption
    if encryption is None:
        yield reader
        return
    where, recipients = stored.key, encryption.recipients
    with decrypted(reader, identities, where=where, recipients=recipients) as file:
        yield file


def _fill(file: BinaryIO, plain: Readable, manifest: Manifest) -> None:
    digest = hashlib.sha256()
    while chunk := plain.read(_CHUNK):
        digest.update(chunk)
        file.write(chunk)
    if digest.hexdigest() != manifest.sha256:
        raise IntegrityError(
            f"The copy of {manifest.archive_id} is damaged: its content has another SHA-256 than "
            "the archive that was stored."
        )
