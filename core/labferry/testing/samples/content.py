"""What sample archives hold: bytes that are made when read, so their size costs no memory."""

import hashlib
import zlib
from collections.abc import Iterator
from functools import cached_property

from labferry.sdk.archive import Digests

__all__ = ["Content"]

_BLOCK = 1 << 20
_STAMP = 16


class Content:
    """Bytes of any size, generated, the same for the same seed.

    Every block of 1 MiB begins with its number, so that swapped, doubled or left-out blocks are
    noticed, and the odd rest at the end is noticed where a sink writes whole buffers.

    Args:
        size: How many bytes.
        seed: Other seeds make other bytes.
    """

    def __init__(self, size: int, seed: str = "sample") -> None:
        self.size = size
        self._filling = hashlib.shake_256(seed.encode()).digest(_BLOCK - _STAMP)

    def read(self, offset: int, size: int) -> bytes:
        """The bytes from an offset on; fewer than asked for at the end."""
        size = max(0, min(size, self.size - offset))
        first, skipped = divmod(offset, _BLOCK)
        last = (offset + size + _BLOCK - 1) // _BLOCK
        if last - first == 1:
            return self._block(first)[skipped : skipped + size]
        joined = b"".join(map(self._block, range(first, last)))
        return joined[skipped : skipped + size] if skipped or len(joined) != size else joined

    def chunks(self) -> Iterator[bytes]:
        """All of it, a piece at a time."""
        for offset in range(0, self.size, _BLOCK):
            yield self.read(offset, _BLOCK)

    @cached_property
    def digests(self) -> Digests:
        """All the digests, MD5 too."""
        sha256, crc32 = hashlib.sha256(), 0
        md5 = hashlib.md5(usedforsecurity=False)
        for chunk in self.chunks():
            sha256.update(chunk)
            md5.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
        return Digests(sha256.hexdigest(), crc32, md5.hexdigest())

    def _block(self, number: int) -> bytes:
        return number.to_bytes(_STAMP, "big") + self._filling
