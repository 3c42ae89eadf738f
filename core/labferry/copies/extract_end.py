"""The end of a zip file, where its directory is announced: PKWARE's APPNOTE.TXT, 4.3.14 to 4.3.16.

Looked at before Python's own reader, which takes as much memory as the file tells it to.
"""

import io
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

from labferry.sdk import IntegrityError

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT = 0xFFFF
_UNKNOWN_16 = 0xFFFF
_UNKNOWN_32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Announced:
    """What a zip file says about its directory.

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


def read_end(file: BinaryIO) -> Announced:
    """What is announced, once it was found to be where and what it must be.

    Raises:
        IntegrityError: It is not, or the file is no zip file at all.
    """
    size = file.seek(0, io.SEEK_END)
    at = _find(file, size)
    _, disk, first_disk, here, entries, length, start, _ = _unpack(file, at, _END)
    if _UNKNOWN_16 in {here, entries} or _UNKNOWN_32 in {length, start}:
        at, numbers = _unpack64(file, at)
        _, _, _, _, disk, first_disk, here, entries, length, start = numbers
    if disk or first_disk or here != entries:
        raise _unsound("it is one of several parts")
    if start + length != at:
        raise _unsound("its directory is not where it should be")
    return Announced(size, entries, length, start)


def _find(file: BinaryIO, size: int) -> int:
    begin = max(0, size - _END.size - _LONGEST_COMMENT)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END.size:
        raise _unsound("it has no directory")
    comment = _END.unpack_from(tail, at)[-1]
    if at + _END.size + comment != len(tail):
        raise _unsound("its end is not where it should be")
    return begin + at


def _unpack64(file: BinaryIO, end: int) -> tuple[int, tuple[Any, ...]]:
    signature, _, at, disks = _unpack(file, end - _LOCATOR.size, _LOCATOR)
    if signature != b"PK\6\7" or disks > 1 or at + _END64.size > end:
        raise _unsound("the end of its directory is not where it should be")
    numbers = _unpack(file, at, _END64)
    if numbers[0] != b"PK\6\6":
        raise _unsound("the end of its directory is missing")
    return at, numbers


def _unpack(file: BinaryIO, at: int, form: struct.Struct) -> tuple[Any, ...]:
    if at < 0:
        raise _unsound("it is too short")
    file.seek(at)
    data = file.read(form.size)
    if len(data) < form.size:
        raise _unsound("it is too short")
    return form.unpack(data)


def _unsound(what: str) -> IntegrityError:
    return IntegrityError(f"This is no sound zip file: {what}.")
