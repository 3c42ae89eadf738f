"""What is in a zip file from elsewhere: its directory, judged whole before anything is read."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from labferry.copies.extract_end import Announced, read_end
from labferry.copies.extract_names import Tree, parts_of, shown
from labferry.runtime.stop import Stop
from labferry.sdk import GIB, MIB, IntegrityError

_CHUNK = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SECRET = 0x1 | 0x40 | 0x2000
_PATCH = 0x20
_LOCAL = struct.Struct("<4s5H3L2H")
# What the standard library raises for damage, besides its own error.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    UnicodeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a zip file may at most come to.

    Attributes:
        members: How many there are.
        directory: Bytes of its directory, which is held in memory.
        total: Bytes of all members that are always fine.
        ratio: How many times its own size they may have where that is more.
    """

    members: int = 1_000_000
    directory: int = 512 * MIB
    total: int = 10 * GIB
    ratio: int = 50


LIMITS = Limits()
"""Far above what notebooks export: RSpace's own limit is 10,000 MB, and text packs 10 times."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file or folder in a zip file.

    Attributes:
        parts: Its path, safe below any folder.
        is_folder: Whether it holds nothing itself.
        info: Its place in the directory.
    """

    parts: tuple[str, ...]
    is_folder: bool
    info: zipfile.ZipInfo = field(repr=False)

    @property
    def size(self) -> int:
        """Its declared size, unpacked, in bytes; no more than that is ever read."""
        return self.info.file_size


class ZipContents:
    """The members of a zip file; making one reads and judges the directory.

    Args:
        file: The whole zip file.
        limits: What it may come to.

    Raises:
        IntegrityError: It is damaged, or has something in it that can't be unpacked safely.
    """

    def __init__(self, file: BinaryIO, limits: Limits = LIMITS) -> None:
        announced = read_end(file)
        if announced.entries > limits.members or announced.length > limits.directory:
            raise IntegrityError(
                f"This zip file has {announced.entries} members, and a directory of "
                f"{announced.length} bytes: more than the {limits.members} members and "
                f"{limits.directory} bytes that are unpacked."
            )
        try:
            self._zip = zipfile.ZipFile(file)
            infos = self._zip.infolist()
        except _DAMAGE as error:
            raise _unsound("its directory can't be read", error) from None
        if len(infos) != announced.entries:
            raise _unsound(f"it counts {announced.entries} members and lists {len(infos)}")
        self.members = _judged(infos)
        _check_places(file, infos, announced)
        self._check_total(announced, limits)

    @property
    def files(self) -> Sequence[Member]:
        """The members that are no folders."""
        return [member for member in self.members if not member.is_folder]

    @property
    def total(self) -> int:
        """The declared size of all members together, in bytes."""
        return sum(member.size for member in self.members)

    def chunks(self, member: Member) -> Iterator[bytes]:
        """A member's content, a piece at a time.

        Raises:
            IntegrityError: It is not what the directory says.
        """
        count = 0
        try:
            with self._zip.open(member.info) as stream:
                while chunk := stream.read(_CHUNK):
                    count += len(chunk)
                    yield chunk
        except _DAMAGE as error:
            raise _unsound(f"{shown(member.info.orig_filename)} can't be read", error) from None
        if count != member.size:
            raise _unsound(
                f"{shown(member.info.orig_filename)} has {count} bytes instead of {member.size}"
            )

    def test(self, stop: Stop) -> int:
        """Read every member and compare its size and CRC-32; returns how many files there are.

        Raises:
            IntegrityError: One does not match.
            StoppedError: A signal came.
        """
        for member in self.files:
            for _ in self.chunks(member):
                stop.check()
        return len(self.files)

    def _check_total(self, announced: Announced, limits: Limits) -> None:
        most = max(limits.total, limits.ratio * announced.file_size)
        if self.total > most:
            raise IntegrityError(
                f"This zip file of {announced.file_size} bytes would unpack to {self.total}, more "
                f"than the {most} that are unpacked from one of its size."
            )


def _judged(infos: Sequence[zipfile.ZipInfo]) -> Sequence[Member]:
    tree = Tree()
    members = []
    for info in infos:
        _check_kind(info)
        member = Member(parts_of(info.orig_filename), info.orig_filename.endswith("/"), info)
        tree.add(member.parts, is_folder=member.is_folder)
        members.append(member)
    return members


def _check_kind(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _SECRET:
        raise _refused(info, "is encrypted")
    if info.flag_bits & _PATCH or info.compress_type not in _METHODS:
        raise _refused(info, "is packed in a way that is not known here")
    kind = stat.S_IFMT(info.external_attr >> 16)
    is_folder = info.orig_filename.endswith("/")
    if kind not in {0, stat.S_IFDIR if is_folder else stat.S_IFREG}:
        raise _refused(info, "is a link or a device, and no plain file or folder")
    if is_folder and info.file_size:
        raise _refused(info, "is a folder with content of its own")


def _check_places(file: BinaryIO, infos: Sequence[zipfile.ZipInfo], announced: Announced) -> None:
    """That members lie one behind the other: overlaps are how small files make huge ones."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise _refused(info, "overlaps with another one")
        end = _begin(file, info) + info.compress_size
        if end > announced.start:
            raise _refused(info, "reaches beyond the members")


def _begin(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Where a member's content begins."""
    file.seek(info.header_offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
        raise _refused(info, "is not where the directory says")
    *_, name, extra = _LOCAL.unpack(header)
    return int(info.header_offset + _LOCAL.size + name + extra)


def _refused(info: zipfile.ZipInfo, what: str) -> IntegrityError:
    return IntegrityError(f"The member {shown(info.orig_filename)} {what}.")


def _unsound(what: str, error: Exception | None = None) -> IntegrityError:
    reason = f" ({shown(str(error))})" if error and str(error) else ""
    return IntegrityError(f"This is no sound zip file: {what}{reason}.")
