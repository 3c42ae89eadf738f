"""Every checksum that an archive needs, in one pass over its bytes."""

import hashlib
import zlib

from labferry.sdk import Digests

__all__ = ["Hasher"]


class Hasher:
    """CRC-32, SHA-256 and, if asked for, MD5 of a stream.

    Args:
        md5: Whether to compute MD5 too; it costs as much as the other two together.
    """

    def __init__(self, *, md5: bool = False) -> None:
        self.size = 0
        self._crc32 = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None

    def update(self, chunk: bytes | memoryview) -> None:
        """Take in the next bytes."""
        self.size += len(chunk)
        self._crc32 = zlib.crc32(chunk, self._crc32)
        self._sha256.update(chunk)
        if self._md5 is not None:
            self._md5.update(chunk)

    def digests(self) -> Digests:
        """The checksums of what was taken in so far."""
        md5 = None if self._md5 is None else self._md5.hexdigest()
        return Digests(sha256=self._sha256.hexdigest(), crc32=self._crc32, md5=md5)
