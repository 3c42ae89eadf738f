"""The directory of a zip file: where it is, and what it lists. PKWARE's APPNOTE.TXT, 4.3 to 4.5.

Read in pieces, and each number is compared with the file before it is used: Python's own reader
takes as much memory as a file tells it to, and forgives what this does not.
"""

import io
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from labferry.sdk.errors import IntegrityError
from labferry.sdk.quantities import GIB, MIB
from labferry.sdk.zips.names import show_name

__all__ = ["LIMITS", "DirectoryEnd", "Limits", "ZipMember", "find_directory", "read_directory"]

STORED, DEFLATED = 0, 8
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_EXTRA = struct.Struct("<2H")
_NUMBER = struct.Struct("<Q")
_LONGEST_COMMENT = 0xFFFF
_UNKNOWN_16 = 0xFFFF
_UNKNOWN_32 = 0xFFFFFFFF
_ZIP64 = 1
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_PATCH = 0x20
_UTF8 = 0x800
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a zip file may at most come to.

    Attributes:
        members: How many members there are.
        directory: Bytes of its directory; the names in it are held in memory.
        total: Bytes of all members, unpacked, that are always fine.
        ratio: How many times the size of the file all members may have if that is more.
    """

    members: int = 1_000_000
    directory: int = 256 * MIB
    total: int = 10 * GIB
    ratio: int = 50


LIMITS = Limits()
"""Far above what notebooks export: RSpace's own limit is 10,000 MB, and text packs 10 times."""


@dataclass(frozen=True, slots=True)
class DirectoryEnd:
    """What the end of a zip file says about its directory.

    Attributes:
        file_size: Of the whole file, in bytes.
        entries: How many members there are.
        length: The directory's size in bytes.
        start: Where it begins; all members are before that.
    """

    file_size: int
    entries: int
    length: int
    start: int


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file or folder in a zip file, as the directory describes it.

    Attributes:
        raw_name: Its name, as its bytes are.
        offset: Where it begins in the file.
        packed: Its size in the file, in bytes.
        size: Its size, unpacked, in bytes; no more than that is ever read.
        crc32: Its CRC-32, unpacked.
        method: How it is packed, `STORED` or `DEFLATED`.
        mode: Its kind and permissions as Unix has them; 0 if they are not known.
        is_utf8: Whether its name is UTF-8, and not in IBM's code page 437.
    """

    raw_name: bytes
    offset: int = field(repr=False)
    packed: int = field(repr=False)
    size: int
    crc32: int
    method: int = field(repr=False)
    mode: int = field(repr=False)
    is_utf8: bool = field(repr=False)

    @property
    def name(self) -> str:
        """Its name, with every character; that of a folder ends in `/`.

        Bytes that are not UTF-8 are lone surrogates, as in Python's file names.
        """
        if self.is_utf8:
            return self.raw_name.decode("utf-8", "surrogateescape")
        return self.raw_name.decode("cp437")

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and has no content of its own."""
        return self.raw_name.endswith(b"/")

    @property
    def is_special(self) -> bool:
        """Whether it stands for a link or a device: its content is no content of a file."""
        kind = stat.S_IFMT(self.mode)
        return kind not in {0, stat.S_IFDIR if self.is_folder else stat.S_IFREG}


def find_directory(file: BinaryIO) -> DirectoryEnd:
    """Find the directory by the end of the file, and make sure that one follows the other.

    Raises:
        IntegrityError: There is none, or something is between them or behind.
    """
    size = file.seek(0, io.SEEK_END)
    at = _find_end(file, size)
    _, disk, first_disk, here, entries, length, start, _ = _unpack(file, at, _END)
    if start + length != at or _UNKNOWN_16 in {here, entries}:
        end64 = _find_end64(file, at)
        if end64 is not None:
            at = end64
            _, _, _, _, disk, first_disk, here, entries, length, start = _unpack(file, at, _END64)
    if disk or first_disk or here != entries:
        raise unsound("it is one of several parts")
    if start + length != at:
        raise unsound("its directory is not where it should be")
    return DirectoryEnd(size, entries, length, start)


def read_directory(file: BinaryIO, end: DirectoryEnd) -> Iterator[ZipMember]:
    """The members, in the order of the directory.

    Raises:
        IntegrityError: The directory is damaged, or describes what can't be checked.
    """
    window = _Window(file, end)
    for number in range(1, end.entries + 1):
        numbers = window.take(_ENTRY, number)
        if numbers[0] != b"PK\1\2":
            raise unsound(f"its directory is damaged at member {number} of {end.entries}")
        yield _member(window, numbers, end, number)
    if window.left:
        raise unsound(f"its directory counts {end.entries} members and goes on behind them")


def unsound(what: str) -> IntegrityError:
    """The error for a file that is no zip file, or a damaged one."""
    return IntegrityError(f"This is no sound zip file: {what}.")


def unsound_member(raw_name: bytes, what: str) -> IntegrityError:
    """The error for a damaged member."""
    name = show_name(raw_name.decode("utf-8", "surrogateescape"))
    return IntegrityError(f"This is no sound zip file: its member {name} {what}.")


def _find_end(file: BinaryIO, size: int) -> int:
    begin = max(0, size - _END.size - _LONGEST_COMMENT)
    file.seek(begin)
    tail = read_exactly(file, size - begin)
    at = found = tail.rfind(b"PK\5\6")
    while at >= 0:
        # A comment may contain the four bytes, too.
        if at + _END.size <= len(tail):
            comment = _END.unpack_from(tail, at)[-1]
            if at + _END.size + comment == len(tail):
                return begin + at
        at = tail.rfind(b"PK\5\6", 0, at)
    if found < 0:
        raise unsound("it has no directory")
    raise unsound("its end is not where it should be")


def _find_end64(file: BinaryIO, end: int) -> int | None:
    at = end - _LOCATOR.size
    if at < 0:
        return None
    signature, disk, found, disks = _unpack(file, at, _LOCATOR)
    if signature != b"PK\6\7":
        return None
    if disk or disks > 1 or found + _END64.size > at:
        raise unsound("the end of its directory is not where it should be")
    if _unpack(file, found, _END64)[0] != b"PK\6\6":
        raise unsound("the end of its directory is missing")
    return int(found)


def _member(
    window: "_Window", numbers: tuple[Any, ...], end: DirectoryEnd, number: int
) -> ZipMember:
    _, made_by, _, flags, method, _, _, crc32, packed, size, *rest = numbers
    name_length, extra_length, comment_length, disk, _, attributes, offset = rest
    name = window.read(name_length, number)
    extra = window.read(extra_length, number)
    window.read(comment_length, number)
    size, packed, offset = _large_numbers(name, extra, (size, packed, offset))
    if flags & _ENCRYPTED:
        raise unsound_member(name, "is encrypted, so nobody can tell whether it is whole")
    if flags & _PATCH or method not in {STORED, DEFLATED}:
        raise unsound_member(name, f"is packed in a way that is not known here ({method})")
    if disk not in {0, _UNKNOWN_16}:
        raise unsound_member(name, "is in another part")
    if name.endswith(b"/") and size:
        raise unsound_member(name, "is a folder with content of its own")
    if offset + packed > end.start:
        raise unsound_member(name, "reaches beyond the members")
    return ZipMember(
        raw_name=name,
        offset=offset,
        packed=packed,
        size=size,
        crc32=crc32,
        method=method,
        # Other systems keep other things there.
        mode=attributes >> 16 if made_by >> 8 in {3, 19} else 0,
        is_utf8=bool(flags & _UTF8),
    )


def _large_numbers(name: bytes, extra: bytes, numbers: tuple[int, ...]) -> list[int]:
    """Sizes and offset, each from the extra field if it is too large for its own (4.5.3)."""
    if _UNKNOWN_32 not in numbers:
        return list(numbers)
    large = _large_field(extra)
    found = []
    for number in numbers:
        if number != _UNKNOWN_32 or large is None:
            found.append(number)
            continue
        if len(large) < _NUMBER.size:
            raise unsound_member(name, "has a size that is missing")
        found.append(_NUMBER.unpack_from(large)[0])
        large = large[_NUMBER.size :]
    return found


def _large_field(extra: bytes) -> bytes | None:
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == _ZIP64:
            return extra[at : at + length]
        at += length
    return None


class _Window:
    """The directory, a piece at a time."""

    def __init__(self, file: BinaryIO, end: DirectoryEnd) -> None:
        self._file = file
        self._at = end.start
        self._unread = end.length
        self._piece = b""
        self._used = 0

    @property
    def left(self) -> int:
        """How many bytes were not taken yet."""
        return self._unread + len(self._piece) - self._used

    def take(self, form: struct.Struct, number: int) -> tuple[Any, ...]:
        return form.unpack(self.read(form.size, number))

    def read(self, size: int, number: int) -> bytes:
        if size > self.left:
            raise unsound(f"its directory ends within member {number}")
        if self._used + size > len(self._piece):
            self._file.seek(self._at)
            more = read_exactly(self._file, min(self._unread, max(size, _PIECE)))
            self._at += len(more)
            self._unread -= len(more)
            self._piece = self._piece[self._used :] + more
            self._used = 0
        found = self._piece[self._used : self._used + size]
        self._used += size
        return found


def read_exactly(file: BinaryIO, size: int) -> bytes:
    """So many bytes, from a file that may give fewer at a time.

    Raises:
        IntegrityError: The file ends before.
    """
    data = file.read(size)
    while len(data) < size:
        more = file.read(size - len(data))
        if not more:
            raise unsound("it is too short")
        data += more
    return data


def _unpack(file: BinaryIO, at: int, form: struct.Struct) -> tuple[Any, ...]:
    file.seek(at)
    return form.unpack(read_exactly(file, form.size))
