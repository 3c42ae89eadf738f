"""The members of an archive: its zip directory, read whole and judged before anything is opened.

Nothing that a zip can say leads outside its one root folder, and nothing is read that the server
would not have written: RSpace packs plain and deflated members, with Java's own zip classes.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from labferry.sdk import IntegrityError
from labferry_rspace.answers import quote
from labferry_rspace.zipend import check_end

_CHUNK = 256 * 1024
# RSpace's own default; servers may be told to allow more, and real work packs less than 50 times.
_MOST_UNPACKED = 10_000 * 1024 * 1024
_MOST_RATIO = 50
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SECRET = 0x1 | 0x40 | 0x2000
_PATCH = 0x20
_DRIVE = re.compile(r"[A-Za-z]:.*|.*/[A-Za-z]:(/.*)?", re.DOTALL)
# What the standard library raises for damage, besides its own error.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file or folder in an archive.

    Attributes:
        name: Below the root folder; a folder's ends in `/`.
        info: Its place in the directory.
    """

    name: str
    info: zipfile.ZipInfo = field(repr=False)

    @property
    def is_folder(self) -> bool:
        """Whether it holds nothing itself."""
        return self.name.endswith("/") or not self.name

    @property
    def size(self) -> int:
        """Its declared size, unpacked, in bytes."""
        return self.info.file_size

    @property
    def crc32(self) -> int:
        """Its declared CRC-32."""
        return self.info.CRC


class Members:
    """An archive's members. Its directory is read and judged at once.

    Args:
        archive: The whole archive.

    Raises:
        IntegrityError: The directory is damaged, or a member is one that can't be accepted.
    """

    def __init__(self, archive: BinaryIO) -> None:
        size = check_end(archive)
        try:
            self._zip = zipfile.ZipFile(archive)
        except _DAMAGE as error:
            raise _damaged("its directory can't be read", error) from None
        infos = self._zip.infolist()
        if len(infos) != size.entries:
            raise _damaged(f"its directory lists {len(infos)} members and counts {size.entries}")
        for info in infos:
            _check_kind(info)
            if info.header_offset + info.compress_size > size.archive:
                raise _damaged(f"{_shown(info)} is not in it")
        self.root, self.all = _below_root(infos)
        _check_total(self.all, size.archive)

    @property
    def files(self) -> Sequence[Member]:
        """Those that are no folders."""
        return [member for member in self.all if not member.is_folder]

    def check(self) -> None:
        """Read every member and compare its size and checksum, in bounded memory.

        Raises:
            IntegrityError: One does not match.
        """
        for member in sorted(self.all, key=lambda member: member.info.header_offset):
            read = sum(len(chunk) for chunk in self._chunks(member))
            if read != member.size:
                raise _damaged(f"{_shown(member.info)} has {read} bytes instead of {member.size}")

    def read(self, member: Member) -> bytes:
        """A small member, whole.

        Raises:
            IntegrityError: It does not match its checksum.
        """
        return b"".join(self._chunks(member))

    def _chunks(self, member: Member) -> Iterator[bytes]:
        try:
            with self._zip.open(member.info) as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except _DAMAGE as error:
            raise _damaged(f"{_shown(member.info)} can't be unpacked", error) from None


def _damaged(what: str, error: Exception | None = None) -> IntegrityError:
    reason = f" ({quote(str(error))})" if error and str(error) else ""
    return IntegrityError(f"The archive is no sound zip file: {what}{reason}.")


def _refused(info: zipfile.ZipInfo, what: str) -> IntegrityError:
    return IntegrityError(
        f"The archive has a member that RSpace does not write: {_shown(info)} {what}."
    )


def _shown(info: zipfile.ZipInfo) -> str:
    return repr(quote(info.orig_filename))


def _check_kind(info: zipfile.ZipInfo) -> None:
    """That a member is a plain file or folder with a plain name, packed in a plain way."""
    if info.flag_bits & _SECRET:
        raise _refused(info, "is encrypted")
    if info.flag_bits & _PATCH or info.compress_type not in _METHODS:
        raise _refused(info, "is packed in an unknown way")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _refused(info, "is a link or a device, no file")
    name = info.orig_filename
    if "\0" in name or "\\" in name or _DRIVE.fullmatch(name):
        raise _refused(info, "has a name that can lead elsewhere")
    if any(part in {"", ".", ".."} for part in name.removesuffix("/").split("/")):
        raise _refused(info, "has a name that can lead elsewhere")


def _below_root(infos: Iterable[zipfile.ZipInfo]) -> tuple[str, Sequence[Member]]:
    """The one root folder, and the members by their names in it."""
    root = None
    members: dict[str, Member] = {}
    for info in infos:
        first, inside, rest = info.orig_filename.partition("/")
        root = first if root is None else root
        if not inside:
            raise _refused(info, "is in no folder")
        if first != root:
            raise _refused(info, f"is outside of the root folder {quote(root)!r}")
        if rest.removesuffix("/") in members:
            raise _refused(info, "is there twice")
        members[rest.removesuffix("/")] = Member(rest, info)
    if root is None:
        raise IntegrityError("The archive is an empty zip file.")
    _check_parents(members)
    return root, tuple(members.values())


def _check_parents(members: dict[str, Member]) -> None:
    """That no file is used as a folder."""
    for name, member in members.items():
        above = name
        while above:
            above = above.rpartition("/")[0]
            parent = members.get(above)
            if parent is not None and not parent.is_folder:
                raise _refused(member.info, "is inside of a file")


def _check_total(members: Sequence[Member], archive_size: int) -> None:
    total = sum(member.size for member in members)
    if total > max(_MOST_UNPACKED, _MOST_RATIO * archive_size):
        raise IntegrityError(
            f"The archive of {archive_size} bytes would unpack to {total}: RSpace makes none like "
            "this."
        )
