"""Whether the members of a zip file can be unpacked under their own names, and else under which.

Strict on purpose: a name that could lead elsewhere, be something else than a file on some system,
or meet another name there, on disks that ignore case or write one letter in two ways, is changed.
No name is a reason not to unpack, and none says anything about whether an archive is intact.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from labferry.sdk.errors import IntegrityError
from labferry.sdk.text import printable

__all__ = ["DEEPEST", "LONGEST_NAME", "LONGEST_PATH", "UnpackPath", "UnpackPaths", "show_name"]

DEEPEST = 64
"""How many names a path may have, each in the folder before it."""

LONGEST_NAME = 255
"""Bytes in one name: what file systems of all kinds can hold."""

LONGEST_PATH = 3000
"""Bytes in one path, below the folder that it is unpacked into: Linux has 4096 for the whole."""

_DRIVE = re.compile(r".:", re.DOTALL)  # Python takes any character for a drive on Windows
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(
    r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])(\s*(?:\..*)?)",
    re.IGNORECASE | re.DOTALL,
)
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_TURNING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ODD = "labferry-odd-paths"
_LONGEST_ENDING = 16
_SMALL = 100
_FOLDERS_PER_MEMBER = 4
_FOLDERS_ALWAYS = 1000
_SHOWN = 120


def show_name(name: str) -> str:
    """A name from elsewhere for people: what can't be printed escaped, shortened, in quotes."""
    text = printable(name[:_SHOWN])
    is_whole = len(name) <= _SHOWN and len(text) <= _SHOWN
    return f"'{text}'" if is_whole else f"'{text[:_SHOWN]}...'"


@dataclass(frozen=True, slots=True)
class UnpackPath:
    """Where to unpack a member.

    Attributes:
        parts: The folders and the file, below the folder that all is unpacked into: plain names
            on every system, and no two paths of one zip file are the same on any.
        is_renamed: Whether that is another path than the member's name.
    """

    parts: tuple[str, ...]
    is_renamed: bool


class UnpackPaths:
    """Chooses a path for each member of one zip file, one after the other.

    Memory grows with the folders that the paths need, and short names can need very many.

    Args:
        members: How many members the zip file has, to limit the folders; None for no limit.

    Attributes:
        folders: How many folders the paths need so far.
    """

    def __init__(self, members: int | None = None) -> None:
        self._members = members
        self._folders: dict[tuple[int, str], tuple[int, str]] = {}
        self._taken: set[tuple[int, str]] = set()
        self._counts: dict[tuple[int, str], int] = {}
        self.folders = 0

    def choose(self, name: str) -> UnpackPath:
        """The path for a member.

        Args:
            name: As the zip file has it, with all its characters; a folder's ends in `/`.

        Raises:
            IntegrityError: The paths need far more folders than so many members ever have.
        """
        is_folder = name.endswith("/")
        plain = name.removesuffix("/")
        wanted = _safe_parts(plain)
        parent, chosen = 0, []
        for part in wanted if is_folder else wanted[:-1]:
            parent, found = self._folder(parent, part)
            chosen.append(found)
        if not is_folder:
            chosen.append(self._unused(parent, wanted[-1]))
        return UnpackPath(tuple(chosen), is_renamed="/".join(chosen) != plain)

    def _folder(self, parent: int, part: str) -> tuple[int, str]:
        known = self._folders.get((parent, part))
        if known is None:
            self.folders += 1
            if self._members is not None and self.folders > (
                _FOLDERS_ALWAYS + _FOLDERS_PER_MEMBER * self._members
            ):
                raise IntegrityError(
                    f"This zip file needs more than {self.folders - 1} folders for {self._members} "
                    "members, far more than notebooks export."
                )
            known = self._folders[parent, part] = (self.folders, self._unused(parent, part))
        return known

    def _unused(self, parent: int, part: str) -> str:
        """The name, or one with a number that nothing in the folder has anywhere."""
        key = (parent, _folded(part))
        chosen = part
        while (parent, _folded(chosen)) in self._taken:
            number = self._counts[key] = self._counts.get(key, 1) + 1
            # Long names that differ at their ends only meet again with every small number.
            is_small = number < _SMALL
            chosen = _with_mark(part, f"~{number if is_small else _digest(f'{number}/{part}')}")
        self._taken.add((parent, _folded(chosen)))
        return chosen


def _safe_parts(name: str) -> tuple[str, ...]:
    """The folders and the file that a member's name stands for, each made a plain name."""
    if name.count("/") < DEEPEST:
        parts = tuple(_safe_part(part) for part in name.split("/"))
        if len("/".join(parts).encode()) <= LONGEST_PATH:
            return parts
    return _ODD, _with_mark(_safe_part(name.rpartition("/")[2]), f"~{_digest(name)}")


def _safe_part(part: str) -> str:
    if part in {"", ".", ".."}:
        return "_" * max(1, len(part))
    safe = "".join("_" if _is_odd(letter) else letter for letter in part)
    if _DRIVE.match(safe):
        safe = f"{safe[0]}_{safe[2:]}"
    if safe[-1] in ". ":
        safe = f"{safe[:-1]}_"
    reserved = _RESERVED.fullmatch(safe)
    if reserved:
        safe = f"{reserved[1]}_{reserved[2]}"
    if len(safe.encode()) > LONGEST_NAME:
        safe = _with_mark(safe, f"~{_digest(part)}")
    return safe


def _is_odd(letter: str) -> bool:
    return letter == "\\" or letter in _TURNING or unicodedata.category(letter) in _UNPRINTABLE


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _with_mark(part: str, mark: str) -> str:
    """A name with a mark before its ending, and cut short so that it stays one."""
    stem, dot, ending = part.rpartition(".")
    if not stem or len(ending.encode()) > _LONGEST_ENDING:
        stem, dot, ending = part, "", ""
    room = LONGEST_NAME - len(f"{mark}{dot}{ending}".encode())
    cut = stem.encode()[:room].decode("utf-8", "ignore")
    return f"{cut}{mark}{dot}{ending}"


def _folded(part: str) -> str:
    """What two names have in common that are the same on some file system."""
    text = unicodedata.normalize("NFKC", part).casefold()
    return unicodedata.normalize("NFKC", text).rstrip(". ") or text
