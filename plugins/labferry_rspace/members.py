"""The members of an RSpace export: a zip file with one root folder, and everything below that."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from labferry.sdk import IntegrityError
from labferry.sdk.zips import UnpackPaths, ZipArchive, ZipMember, show_name

_log = logging.getLogger(__name__)
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Member:
    """A file or folder in an export.

    Attributes:
        name: Below the root folder; a folder's ends in `/`.
        zipped: Its place in the zip file.
    """

    name: str
    zipped: ZipMember = field(repr=False)

    @property
    def is_folder(self) -> bool:
        """Whether it holds nothing itself."""
        return self.zipped.is_folder

    @property
    def size(self) -> int:
        """Its declared size, unpacked, in bytes."""
        return self.zipped.size

    @property
    def crc32(self) -> int:
        """Its declared CRC-32."""
        return self.zipped.crc32


class Members:
    """An export's members. The directory of the zip file is read and checked at once.

    Names may be anything that a person can give a file: RSpace forbids `/` only. Those that can't
    be unpacked everywhere are logged as a warning.

    Args:
        archive: The whole archive.

    Attributes:
        root: The name of the root folder.
        all: Every member.

    Raises:
        IntegrityError: The archive is damaged, or has no single root folder.
    """

    def __init__(self, archive: BinaryIO) -> None:
        self._zip = ZipArchive(archive)
        self.root, self.all = _below_root(self._zip.members)
        _warn_of_names(self._zip.members)

    @property
    def files(self) -> Sequence[Member]:
        """Those that are no folders."""
        return [member for member in self.all if not member.is_folder]

    @property
    def has_distinct_names(self) -> bool:
        """Whether no two members have the same name."""
        return len({member.name for member in self.all}) == len(self.all)

    def check(self) -> None:
        """Read every member and compare its size and checksum, in bounded memory.

        Raises:
            IntegrityError: One does not match.
        """
        self._zip.test()

    def read(self, member: Member) -> bytes:
        """A small member, whole.

        Raises:
            IntegrityError: It does not match its checksum.
        """
        return self._zip.read(member.zipped)


def _below_root(members: Iterable[ZipMember]) -> tuple[str, Sequence[Member]]:
    """The one root folder, and the members by their names in it."""
    root = None
    below = []
    for member in members:
        first, inside, rest = member.name.partition("/")
        root = first if root is None else root
        if not inside or first != root:
            raise IntegrityError(
                f"The archive has more than one root folder: {show_name(member.name)} is outside "
                f"of {show_name(root)}. RSpace writes no such export."
            )
        below.append(Member(rest, member))
    if root is None:
        raise IntegrityError("The archive is an empty zip file.")
    return root, below


def _warn_of_names(members: Sequence[ZipMember]) -> None:
    paths = UnpackPaths(len(members))
    names = (member.name for member in members)
    try:
        odd = [name for name in names if paths.choose(name).is_renamed]
    except IntegrityError as error:
        _log.warning(
            "%s The archive is stored as it is; `labferry restore --extract` refuses it.",
            error.message,
        )
        return
    if odd:
        more = f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
        _log.warning(
            "Some systems can't have a file or folder of this name: %s%s. The archive is stored as "
            "it is; `labferry restore --extract` gives it another name.",
            ", ".join(map(show_name, odd[:_SHOWN])),
            more,
        )
