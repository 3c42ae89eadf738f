"""Encrypting: a stream of any length in little memory, or a short text in ASCII armour."""

from typing import Protocol

from labferry.encryption.age import BLOCK, Blocks, load_age
from labferry.encryption.recipients import Recipients
from labferry.sdk import LabferryError


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


def encrypt(plain: _Readable, target: _Writable, recipients: Recipients) -> None:
    """Encrypt all that can be read; every call gives other bytes.

    What reading or writing raises is raised here, and what was written till then is useless.

    Args:
        plain: What to encrypt, up to its end.
        target: Where to; `write` must take all of what it is given.
        recipients: Who can decrypt it.
    """
    age = load_age()
    stream = _Stream(plain, target)
    try:
        age.encrypt_io(Blocks(stream.read), stream, recipients.for_age())
    except age.EncryptError as error:
        stream.check()
        raise LabferryError(f"Encryption failed: {error}.") from None
    # The library writes its last bytes without a look at how that went.
    stream.check()


def armoured(plain: bytes, recipients: Recipients) -> str:
    """Encrypt a short document, as a text of ASCII characters."""
    age = load_age()
    text: bytes = age.encrypt(plain, recipients.for_age(), armored=True)
    return text.decode()


class _Stream:
    """Both ends of an encryption. It keeps the first error: the library would swallow it."""

    def __init__(self, plain: _Readable, target: _Writable) -> None:
        self._plain = plain
        self._target = target
        self._error: BaseException | None = None

    def read(self) -> bytes:
        try:
            return self._plain.read(BLOCK)
        except BaseException as error:
            self._error = error
            raise

    def write(self, data: bytes) -> int:
        self.check()
        try:
            self._target.write(data)
        except BaseException as error:
            self._error = error
            raise
        return len(data)

    def check(self) -> None:
        if self._error is not None:
            raise self._error
