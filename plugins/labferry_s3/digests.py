"""Checksums as S3 writes them, and what follows from those of the parts for the whole."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

try:
    from isal.isal_zlib import crc32 as crc32_of
except ImportError:  # the extra `fast` is not installed
    from zlib import crc32 as crc32_of

_POLYNOMIAL = 0xEDB88320
_CRC32_LENGTH = 4
_PLAIN_ETAG = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class PartDigest:
    """The checksums of some bytes.

    Attributes:
        size: How many bytes.
        md5: Their MD5.
        crc32: Their CRC-32.
    """

    size: int
    md5: bytes
    crc32: int

    @classmethod
    def of(cls, data: bytes | memoryview) -> "PartDigest":
        """The checksums of these bytes."""
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        return cls(len(data), md5, crc32_of(data))

    @property
    def content_md5(self) -> str:
        """The MD5 as the header Content-MD5 has it."""
        return base64.b64encode(self.md5).decode()

    @property
    def etag(self) -> str:
        """The ETag that a store gives these bytes, unless it encrypts them with foreign keys."""
        return self.md5.hex()


def crc32_text(crc32: int) -> str:
    """A CRC-32 as S3 writes it: base64 of four bytes, the highest first."""
    return base64.b64encode(crc32.to_bytes(4, "big")).decode()


def parse_crc32(text: str | None) -> int | None:
    """A CRC-32 of a whole object; None where S3 gave none, or one that is made of parts' ones."""
    try:
        checksum = base64.b64decode(text or "", validate=True)
    except binascii.Error:  # such as "…-5", made of those of five parts
        return None
    return int.from_bytes(checksum, "big") if len(checksum) == _CRC32_LENGTH else None


def multipart_etag(etags: Iterable[str]) -> str | None:
    """The ETag of an object made of parts with these ETags; None where they are no MD5s."""
    listed = list(etags)
    if not all(map(_PLAIN_ETAG.fullmatch, listed)):
        return None
    joined = bytes.fromhex("".join(listed))
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(listed)}"


def combined_crc32(parts: Iterable[tuple[int, int]]) -> int:
    """The CRC-32 of bytes of which only those of their parts are known.

    Args:
        parts: Each part's CRC-32 and size, in order.
    """
    whole = 0
    for crc32, size in parts:
        # To append n bytes is to multiply by x^8n, in the polynomials modulo the CRC's own.
        whole = _product(_power(8 * size), whole) ^ crc32
    return whole


def _product(first: int, second: int) -> int:
    """Multiply two polynomials whose coefficients are bits, the lowest degree first."""
    result = 0
    for bit in range(31, -1, -1):
        if first >> bit & 1:
            result ^= second
        second = second >> 1 ^ (_POLYNOMIAL if second & 1 else 0)
    return result


def _power(exponent: int) -> int:
    """X to this power."""
    result, square = 1 << 31, 1 << 30
    while exponent:
        if exponent & 1:
            result = _product(square, result)
        square = _product(square, square)
        exponent >>= 1
    return result
