"""The names in a zip file, judged before anything is written: pure, and strict on purpose.

What is refused could lead outside the folder, be something else than a file on some system, or
meet another name there: on disks that ignore case, or write one letter in two ways.
"""

import re
import unicodedata

from labferry.sdk import IntegrityError

DEEPEST = 64
"""How many folders may be inside each other."""

LONGEST_NAME = 255
"""Bytes in one name: what file systems of all kinds can hold."""

_DRIVE = re.compile(r"[A-Za-z]:")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(
    r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])\s*(\..*)?", re.IGNORECASE
)
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_TURNING = set("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SHOWN = 120


def parts_of(name: str) -> tuple[str, ...]:
    """The folders and the file that a member's name stands for; one ending in `/` is a folder.

    Args:
        name: As the zip file has it, with all its characters.

    Raises:
        IntegrityError: It is not a plain relative path, or can't be a name everywhere.
    """
    if "\\" in name:
        raise _refused(name, "has a backslash in its name, which separates folders elsewhere")
    if any(unicodedata.category(letter) in _UNPRINTABLE for letter in name):
        raise _refused(name, "has a control character in its name")
    if _TURNING.intersection(name):
        raise _refused(name, "has a character in its name that makes it read as another")
    parts = tuple(name.removesuffix("/").split("/"))
    if any(part in {"", ".", ".."} for part in parts):
        raise _refused(name, "has a name that can lead elsewhere")
    for part in parts:
        _judge(name, part)
    if len(parts) > DEEPEST:
        raise _refused(name, f"is in {len(parts) - 1} folders, and at most {DEEPEST - 1} can be")
    return parts


def shown(name: str) -> str:
    """A hostile name for people: in ASCII, shortened, in quotation marks."""
    text = ascii(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...{text[0]}"


class Tree:
    """The names of one zip file together: none twice, none the folder of another one's file."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], tuple[str, bool]] = {}
        self._files: set[tuple[str, ...]] = set()

    def add(self, parts: tuple[str, ...], *, is_folder: bool) -> None:
        """Take in a member.

        Raises:
            IntegrityError: It collides with one that came before.
        """
        path = "/".join(parts)
        folded: tuple[str, ...] = ()
        for depth, part in enumerate(parts, start=1):
            folded = (*folded, _folded(part))
            is_member = depth == len(parts)
            self._enter(path, folded, part, is_folder=is_folder or not is_member)

    def _enter(self, path: str, folded: tuple[str, ...], part: str, *, is_folder: bool) -> None:
        before = self._known.setdefault(folded, (part, is_folder))
        if not is_folder:
            if folded in self._files:
                raise _refused(path, "is there twice, or differs from another in case alone")
            self._files.add(folded)
        if before[1] != is_folder:
            raise _refused(path, "has the name of a file for a folder")
        if before[0] != part:
            raise _refused(path, "has a name that differs from another one's in case alone")


def _judge(name: str, part: str) -> None:
    if _DRIVE.match(part):
        raise _refused(name, "has a drive letter in its name")
    if _RESERVED.fullmatch(part):
        raise _refused(name, "has a name that stands for a device elsewhere")
    if len(part.encode()) > LONGEST_NAME:
        raise _refused(name, f"has a name too long: more than {LONGEST_NAME} bytes")


def _folded(part: str) -> str:
    """What two names have in common that are the same on some file system."""
    text = unicodedata.normalize("NFKC", part).casefold()
    return unicodedata.normalize("NFKC", text).rstrip(". ") or text


def _refused(name: str, what: str) -> IntegrityError:
    return IntegrityError(f"The member {shown(name)} {what}.")
