"""Decrypting a stream of any length in little memory."""

import io
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, BinaryIO, Protocol, cast

from typing_extensions import override

from labferry.encryption.age import BLOCK, Blocks, load_age
from labferry.encryption.identities import parse_identities
from labferry.sdk import IntegrityError, LabferryError, RefusedError, Secret

_NO_KEY_FITS = "No matching keys found"


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def decrypted(
    reader: _Readable,
    identities: Sequence[Secret],
    *,
    where: str,
    recipients: Sequence[str] = (),
) -> BinaryIO:
    """A binary file to read the decrypted bytes from, front to back.

    `reader` is read on the thread that reads the result, and is not closed with it. Close the
    result. Every byte that it gives was authenticated, but only who comes to its end knows that
    nothing is missing.

    Args:
        reader: An encrypted file in the age format.
        identities: The private keys to try.
        where: What to call the file in an error, e.g. its key.
        recipients: For whom it is encrypted, as its manifest has it, to say so in an error.

    Raises:
        RefusedError: None of the private keys fits; here or, like the next, while reading.
        IntegrityError: It is damaged or ends too early.
        PluginError: The library for encryption is not installed.
    """
    keys = parse_identities(identities)
    if not keys:
        raise _refused(where, recipients, "and no private key was given")
    raw = _Decrypted(reader, _Work(keys, where, tuple(recipients)))
    return cast("BinaryIO", io.BufferedReader(raw, BLOCK))


class _Work:
    """What the library does, on a thread of its own: it pushes its output, but we want to pull.

    The thread only computes. It asks for input when it has none, so at most a block of output
    waits.

    Args:
        keys: The private keys.
        where: What to call the file in an error.
        recipients: For whom it is encrypted.
    """

    def __init__(self, keys: list[Any], where: str, recipients: Sequence[str]) -> None:
        self._keys = keys
        self._where = where
        self._recipients = recipients
        self._given: SimpleQueue[bytes] = SimpleQueue()
        self._output: SimpleQueue[bytes | LabferryError | None] = SimpleQueue()
        self._is_over = False
        self._thread = Thread(target=self._run, name=f"decrypting {where}", daemon=True)
        self._thread.start()

    def output(self, more: Callable[[], bytes]) -> bytes:
        """The next decrypted bytes; nothing at the end.

        Args:
            more: Reads the next of the encrypted file.
        """
        while (block := self._output.get()) is None:
            try:
                self._given.put(more())
            except BaseException:
                self._output.put(None)  # it still waits for input
                raise
        if isinstance(block, LabferryError):
            self._output.put(block)
            raise block.with_traceback(None)
        if not block:
            self._output.put(block)
        return block

    def end(self) -> None:
        """Make the thread end, wherever it is."""
        self._is_over = True
        self._given.put(b"")
        self._thread.join()

    def write(self, data: bytes) -> int:
        """For the library: take its output."""
        if data:
            self._output.put(bytes(data))
        return len(data)

    def _next(self) -> bytes:
        self._output.put(None)
        return b"" if self._is_over else self._given.get()

    def _run(self) -> None:
        age = load_age()
        try:
            age.decrypt_io(Blocks(self._next), self, self._keys)
        except BaseException as error:  # noqa: BLE001 - an OSError, or a panic
            self._output.put(self._problem(str(error)))
        else:
            self._output.put(b"")

    def _problem(self, reason: str) -> LabferryError:
        if reason == _NO_KEY_FITS:
            return _refused(self._where, self._recipients, "and none of the private keys fits")
        return IntegrityError(f"{self._where} can't be decrypted, it is damaged: {reason}.")


class _Decrypted(io.RawIOBase):
    def __init__(self, reader: _Readable, work: _Work) -> None:
        super().__init__()
        self._reader = reader
        self._work = work
        self._ready = memoryview(b"")

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int:
        if not self._ready:
            self._ready = memoryview(self._work.output(lambda: self._reader.read(BLOCK)))
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    @override
    def close(self) -> None:
        if not self.closed:
            self._work.end()
        super().close()


def _refused(where: str, recipients: Sequence[str], why: str) -> RefusedError:
    whom = ", ".join(recipients) or "keys that it does not name"
    return RefusedError(
        f"{where} is encrypted for {whom}, {why}.",
        hint="Give the private key (identity) of one of them.",
    )
