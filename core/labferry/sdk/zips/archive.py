"""Whether a zip file is intact: structure, sizes and checksums of every member."""

import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from labferry.sdk.errors import IntegrityError
from labferry.sdk.fast_zlib import INFLATE_ERRORS, crc32, inflater
from labferry.sdk.zips.directory import (
    LIMITS,
    STORED,
    DirectoryEnd,
    Limits,
    ZipMember,
    find_directory,
    read_directory,
    read_exactly,
    unsound_member,
)

__all__ = ["ZipArchive"]

_LOCAL = struct.Struct("<4s5H3L2H")
_PACKED = 256 * 1024
_UNPACKED = 1 << 20


class ZipArchive:
    """A zip file; making one reads its directory, and nothing of its members.

    Memory is bounded by the names in the directory, and about 300 bytes for each member.

    Args:
        file: The whole file, seekable. It is read as long as this is used.
        limits: What it may come to.

    Attributes:
        members: Its files and folders, in the order of the directory. Names may be anything, and
            several may have one: see `UnpackPaths`.
        size: The size of the file, in bytes.
        total: The size of all members together, unpacked, in bytes.

    Raises:
        IntegrityError: It is damaged, encrypted, packed in an unknown way, or beyond the limits.
    """

    def __init__(self, file: BinaryIO, limits: Limits = LIMITS) -> None:
        self._file = file
        end = find_directory(file)
        _check_directory(end, limits)
        self.members: Sequence[ZipMember] = list(read_directory(file, end))
        self.size = end.file_size
        self.total = sum(member.size for member in self.members)
        self._start = end.start
        self._offsets = array("Q", sorted(member.offset for member in self.members))
        self._check_total(limits)
        for member in self.members:
            if member.offset + _LOCAL.size + len(member.raw_name) + member.packed > (
                self._end_of(member)
            ):
                raise unsound_member(member.raw_name, "overlaps with what comes after it")

    @property
    def files(self) -> Sequence[ZipMember]:
        """The members that are no folders."""
        return [member for member in self.members if not member.is_folder]

    def chunks(self, member: ZipMember) -> Iterator[bytes]:
        """A member's content, a piece of at most 1 MiB at a time.

        Raises:
            IntegrityError: It is not what the directory says. The last piece may have come before.
        """
        found, count = 0, 0
        for chunk in self._unpacked(member):
            count += len(chunk)
            if count > member.size:
                raise unsound_member(member.raw_name, f"has more than its {member.size} bytes")
            found = crc32(chunk, found)
            yield chunk
        if count != member.size:
            what = f"has {count} bytes instead of {member.size}"
            raise unsound_member(member.raw_name, what)
        if found != member.crc32:
            what = f"has the CRC-32 {found:08x} instead of {member.crc32:08x}"
            raise unsound_member(member.raw_name, what)

    def read(self, member: ZipMember) -> bytes:
        """A member's content, whole; look at its `size` before.

        Raises:
            IntegrityError: It is not what the directory says.
        """
        return b"".join(self.chunks(member))

    def test(self, between: Callable[[], object] | None = None) -> int:
        """Read every member, and compare its size and CRC-32.

        Args:
            between: Called again and again; what it raises ends the test.

        Returns:
            How many files there are.

        Raises:
            IntegrityError: One does not match.
        """
        for member in sorted(self.members, key=lambda member: member.offset):
            for _ in self.chunks(member):
                if between is not None:
                    between()
        return len(self.files)

    def _end_of(self, member: ZipMember) -> int:
        """Where the next member begins, or the directory."""
        at = bisect_right(self._offsets, member.offset)
        if at >= 2 and self._offsets[at - 2] == member.offset:  # noqa: PLR2004 - two at one place
            return member.offset
        return self._offsets[at] if at < len(self._offsets) else self._start

    def _content(self, member: ZipMember) -> int:
        """Where a member's content begins, behind a description that is that of the directory."""
        self._file.seek(member.offset)
        signature, _, _, method, *_, name_length, extra_length = _LOCAL.unpack(
            read_exactly(self._file, _LOCAL.size)
        )
        if signature != b"PK\3\4":
            raise unsound_member(member.raw_name, "is not where the directory says")
        if read_exactly(self._file, name_length) != member.raw_name or method != member.method:
            raise unsound_member(member.raw_name, "is another one than the directory says")
        begin: int = member.offset + _LOCAL.size + name_length + extra_length
        if begin + member.packed > self._end_of(member):
            raise unsound_member(member.raw_name, "overlaps with what comes after it")
        return begin

    def _unpacked(self, member: ZipMember) -> Iterator[bytes]:
        packed = self._packed(member)
        if member.method == STORED or not member.packed:
            yield from packed
            return
        stream = inflater()
        try:
            for piece in packed:
                if stream.eof:
                    raise unsound_member(member.raw_name, "goes on behind its end")
                rest = piece
                while True:
                    chunk = stream.decompress(rest, _UNPACKED)
                    if chunk:
                        yield chunk
                    rest = stream.unconsumed_tail
                    # A full piece may not be all: more can be on its way without more bytes.
                    if not rest and len(chunk) < _UNPACKED:
                        break
        except INFLATE_ERRORS as error:
            raise unsound_member(member.raw_name, f"can't be unpacked ({error})") from None
        if not stream.eof:
            raise unsound_member(member.raw_name, "can't be unpacked: its end is missing")
        if stream.unused_data:
            raise unsound_member(member.raw_name, "goes on behind its end")

    def _packed(self, member: ZipMember) -> Iterator[bytes]:
        at = self._content(member)
        left = member.packed
        while left:
            self._file.seek(at)  # others may be read between two pieces
            piece = read_exactly(self._file, min(left, _PACKED))
            at, left = at + len(piece), left - len(piece)
            yield piece

    def _check_total(self, limits: Limits) -> None:
        most = max(limits.total, limits.ratio * self.size)
        if self.total > most:
            raise IntegrityError(
                f"This zip file of {self.size} bytes would unpack to {self.total}, more than the "
                f"{most} that are unpacked from one of its size."
            )


def _check_directory(end: DirectoryEnd, limits: Limits) -> None:
    if end.entries > limits.members or end.length > limits.directory:
        raise IntegrityError(
            f"This zip file has {end.entries} members, and a directory of {end.length} bytes: "
            f"more than the {limits.members} members and {limits.directory} bytes that are read."
        )
