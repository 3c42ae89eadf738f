"""A valid zip of any size that is never in memory and whose CRC-32 is known at once."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from labferry.testing.rspace.archives import CHUNK

_BLOCK = bytes(range(256)) * (CHUNK // 256)
_FLAGS, _STORED, _VERSION = 0x0800, 0, 45
_DOS_TIME, _DOS_DATE = 0, 0x5021
_UNKNOWN_32 = 0xFFFFFFFF
_UNKNOWN_16 = 0xFFFF


def _multiply(matrix: list[int], vector: int) -> int:
    total = 0
    for row in matrix:
        if vector & 1:
            total ^= row
        vector >>= 1
    return total


def _square(matrix: list[int]) -> list[int]:
    return [_multiply(matrix, row) for row in matrix]


def crc32_combine(first: int, second: int, second_size: int) -> int:
    """The CRC-32 of two byte strings joined, from theirs (zlib's crc32_combine)."""
    one_zero_bit = [0xEDB88320, *(1 << bit for bit in range(31))]
    operator = _square(_square(_square(one_zero_bit)))
    while second_size:
        if second_size & 1:
            first = _multiply(operator, first)
        operator = _square(operator)
        second_size >>= 1
    return first ^ second


def _crc32_repeated(block: bytes, times: int) -> int:
    """The CRC-32 of a block written ``times`` times, in logarithmic time."""
    total, power, size = 0, zlib.crc32(block), len(block)
    while times:
        if times & 1:
            total = crc32_combine(total, power, size)
        power, size = crc32_combine(power, power, size), size * 2
        times >>= 1
    return total


@dataclass(frozen=True)
class _Filling:
    """The payload: one block again and again."""

    size: int

    @cached_property
    def crc32(self) -> int:
        whole, rest = divmod(self.size, len(_BLOCK))
        tail = _BLOCK[:rest]
        return crc32_combine(_crc32_repeated(_BLOCK, whole), zlib.crc32(tail), rest)

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        while start < stop:
            offset = start % len(_BLOCK)
            piece = _BLOCK[offset : offset + stop - start]
            yield piece
            start += len(piece)


def _local(name: bytes, size: int, crc32: int) -> bytes:
    """What stands before a member's bytes, in zip64 form whatever the size."""
    sizes = struct.pack("<HHQQ", 1, 16, size, size)
    common = (_FLAGS, _STORED, _DOS_TIME, _DOS_DATE, crc32, _UNKNOWN_32, _UNKNOWN_32)
    fixed = struct.pack("<IHHHHHIIIHH", 0x04034B50, _VERSION, *common, len(name), len(sizes))
    return fixed + name + sizes


def _entry(name: bytes, size: int, crc32: int, at: int) -> bytes:
    """A member's place in the directory."""
    sizes = struct.pack("<HHQQQ", 1, 24, size, size, at)
    common = (_FLAGS, _STORED, _DOS_TIME, _DOS_DATE, crc32, _UNKNOWN_32, _UNKNOWN_32)
    return (
        struct.pack(
            "<IHHHHHHIIIHHHHHII",
            *(0x02014B50, _VERSION, _VERSION, *common, len(name), len(sizes)),
            *(0, 0, 0, 0, _UNKNOWN_32),
        )
        + name
        + sizes
    )


def _end(directory: bytes, members: int, at: int) -> bytes:
    """The end of the directory, which begins at ``at``."""
    end64 = struct.pack(
        "<IQHHIIQQQQ",
        *(0x06064B50, 44, _VERSION, _VERSION, 0, 0, members, members, len(directory), at),
    )
    locator = struct.pack("<IIQI", 0x07064B50, 0, at + len(directory), 1)
    return (
        end64
        + locator
        + struct.pack(
            "<IHHHHIIH", 0x06054B50, 0, 0, *(_UNKNOWN_16,) * 2, _UNKNOWN_32, _UNKNOWN_32, 0
        )
    )


def _around(root: str, manifest: bytes, payload: _Filling) -> tuple[bytes, bytes]:
    """What stands before and behind the payload."""
    text, big = f"{root}/manifest.txt".encode(), f"{root}/big.bin".encode()
    crc32 = zlib.crc32(manifest)
    first = _local(text, len(manifest), crc32) + manifest
    before = first + _local(big, payload.size, payload.crc32)
    directory = _entry(text, len(manifest), crc32, 0)
    directory += _entry(big, payload.size, payload.crc32, len(first))
    return before, directory + _end(directory, 2, len(before) + payload.size)


class FillingArchive:
    """An archive of exactly ``size`` bytes: a zip with its manifest and one stored member.

    ``unpacked`` is 0: the server's limit on unpacked bytes is not for it.
    """

    unpacked = 0

    def __init__(self, size: int, root: str, manifest: bytes) -> None:
        overhead = sum(len(part) for part in _around(root, manifest, _Filling(0)))
        if size < overhead:
            raise ValueError(f"a zip with a manifest takes at least {overhead} bytes")
        self._payload = _Filling(size - overhead)
        self._before, self._behind = _around(root, manifest, self._payload)
        self.size = size

    @cached_property
    def crc32(self) -> int:
        """The CRC-32 of the whole file."""
        crc = zlib.crc32(self._before)
        crc = crc32_combine(crc, self._payload.crc32, self._payload.size)
        return crc32_combine(crc, zlib.crc32(self._behind), len(self._behind))

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``stop``."""
        payload_at, behind_at = len(self._before), len(self._before) + self._payload.size
        if start < payload_at:
            yield self._before[start:stop]
        yield from self._payload.chunks(
            max(start - payload_at, 0), min(stop - payload_at, self._payload.size)
        )
        if stop > behind_at:
            yield self._behind[max(start - behind_at, 0) : stop - behind_at]


@dataclass(frozen=True)
class BigArchive:
    """Ask for exports of ``size`` bytes (such as ``5 * 2**30``) in ``Options.archives``."""

    size: int

    def filled(self, root: str, manifest: bytes) -> FillingArchive:
        """The archive of one export, with the text of its manifest in a folder ``root``."""
        return FillingArchive(self.size, root, manifest)
