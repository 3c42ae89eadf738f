"""The end of a zip file, where its directory is told: APPNOTE 4.3.14 to 4.3.16.

Python's own reader forgives bytes before and inside, and members that are counted but not there.
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
# A directory is held in memory, about 1 KB for each member.
_MOST_ENTRIES = 1_000_000
_LARGEST_DIRECTORY = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Size:
    """How large an archive is.

    Attributes:
        archive: All of it, in bytes.
        entries: How many members its directory counts.
    """

    archive: int
    entries: int


def check_end(archive: BinaryIO) -> Size:
    """Make sure that an archive ends as a zip file does, right behind a whole directory.

    Raises:
        IntegrityError: It does not.
    """
    size = archive.seek(0, io.SEEK_END)
    at = _find_end(archive, size)
    _, disk, first_disk, here, entries, length, start, _ = _read(archive, at, _END)
    if _UNKNOWN_16 in {here, entries} or _UNKNOWN_32 in {length, start}:
        located = _find_end64(archive, at)
        if located is not None:
            at = located
            _, _, _, _, disk, first_disk, here, entries, length, start = _read(archive, at, _END64)
    if disk or first_disk or here != entries:
        raise _cut("it is one of several parts")
    if start + length != at:
        raise _cut("its directory is not where it should be")
    if entries > _MOST_ENTRIES or length > _LARGEST_DIRECTORY:
        raise IntegrityError(f"The archive lists {entries} members: RSpace makes none like this.")
    return Size(size, entries)


def _find_end(archive: BinaryIO, size: int) -> int:
    begin = max(0, size - _END.size - _LONGEST_COMMENT)
    archive.seek(begin)
    tail = archive.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END.size:
        raise _cut("its end is missing")
    comment = _END.unpack_from(tail, at)[-1]
    if at + _END.size + comment != len(tail):
        raise _cut("its end is not where it should be")
    return begin + at


def _find_end64(archive: BinaryIO, end: int) -> int | None:
    at = end - _LOCATOR.size
    if at < 0:
        return None
    signature, disk, found, disks = _read(archive, at, _LOCATOR)
    if signature != b"PK\6\7":
        return None
    if disk or disks > 1 or found + _END64.size > at:
        raise _cut("the end of its directory is not where it should be")
    if _read(archive, found, _END64)[0] != b"PK\6\6":
        raise _cut("the end of its directory is missing")
    return int(found)


def _read(archive: BinaryIO, at: int, form: struct.Struct) -> tuple[Any, ...]:
    archive.seek(at)
    return form.unpack(archive.read(form.size))


def _cut(what: str) -> IntegrityError:
    return IntegrityError(f"The archive is no whole zip file: {what}.")
