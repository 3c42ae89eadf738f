"""One stored copy, read once from end to end and compared with its manifest."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.retry import retry
from labferry.runtime.stop import Stop
from labferry.sdk import IntegrityError, LabferryError, Sink, StoredArchive

_CHUNK = 1 << 20


class Hash(Protocol):
    """A digest that is being computed, as hashlib has them."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """The digest of what was taken in so far."""


class CopyReader:
    """The bytes of a copy as its destination gives them, counted and hashed as they come.

    A connection that breaks is taken up again where it broke.

    Args:
        sink: The destination.
        stored: The copy.
        stop: Ends the reading.
        offset: Where to begin.
        digest: A SHA-256 that has taken in what comes before the offset; ours by default.
        reached: Called with the offset that the reading has come to.
    """

    def __init__(
        self,
        sink: Sink[Any],
        stored: StoredArchive,
        stop: Stop,
        offset: int = 0,
        digest: Hash | None = None,
        reached: Callable[[int], object] = int,
    ) -> None:
        self._sink = sink
        self._stored = stored
        self._stop = stop
        self._offset = offset
        self._digest = digest or hashlib.sha256()
        self._reached = reached
        self._file: BinaryIO | None = None

    @property
    def offset(self) -> int:
        """How many bytes of the copy were read, those before the beginning included."""
        return self._offset

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most so many (a MiB at a time where it is not said); none at the end.

        Raises:
            IntegrityError: The copy is longer than its manifest says.
            LabferryError: It can't be read.
            StoppedError: A signal came.
        """
        self._stop.check()
        data = self._read_patiently(size if size >= 0 else _CHUNK)
        self._offset += len(data)
        self._digest.update(data)
        self._reached(self._offset)
        if self._offset > self._stored.manifest.size:
            raise self._unlike(f"more than the {self._stored.manifest.size} bytes")
        return data

    def check(self) -> None:
        """Make sure, at the end, that what was read is what the manifest says.

        Raises:
            IntegrityError: It is not.
        """
        manifest = self._stored.manifest
        if self._offset != manifest.size:
            raise self._unlike(f"{self._offset} instead of {manifest.size} bytes")
        if self._digest.hexdigest() != manifest.sha256:
            raise self._unlike("another SHA-256")

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
        return retry(lambda: self._read_once(size), self._stop, self._stored.key)

    def _read_once(self, size: int) -> bytes:
        try:
            if self._file is None:
                self._file = self._sink.open(self._stored, self._offset)
            return self._file.read(size)
        except Exception as error:
            self.close()
            raise self._named(error) from error

    def _named(self, error: Exception) -> LabferryError:
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            return LabferryError(f"{self._stored.key} can't be read: {reason}.")
        return wrap_plugin_error(error, f"The sink of {self._sink.name}")

    def _unlike(self, what: str) -> IntegrityError:
        return IntegrityError(
            f"The copy of {self._stored.manifest.archive_id} is damaged: {self._stored.key} has "
            f"{what} of its manifest."
        )
