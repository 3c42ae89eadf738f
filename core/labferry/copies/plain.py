"""A stored copy's content as it was before it left its machine, whether it is encrypted or not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from labferry.config import SinkConfig
from labferry.copies.reader import CopyReader
from labferry.encryption import decrypted, open_sealed
from labferry.sdk import Manifest, Secret, StoredArchive


class Readable(Protocol):
    """Something to read from, front to back."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most so many; none at the end."""


def identities_for(config: SinkConfig, given: Sequence[Secret]) -> Sequence[Secret]:
    """The private keys to try: those that were given, and those of the destination.

    The destination's are left out where others were given: they may be somewhere else today.
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
    """The content, as it is read.

    Args:
        stored: The copy.
        reader: Reads it, from its beginning where it is encrypted.
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
