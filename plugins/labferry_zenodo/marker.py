"""The mark by which a record is known as an archive's.

It stands among the record's alternate identifiers, where it can be searched for, and becomes public
with the record. So it tells digests, not names: one of the series, one of the archive's key. The
folder of a key is not kept but found again, from the file's name, among those that archives
usually lie in; only an unusual one is written behind the digests.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from labferry.sdk import InvalidAnswerError, check_key

_MARKER = re.compile(r"labferry:([0-9a-f]{12}):([0-9a-f]{32})(?::(.+))?")
_USUAL = re.compile(r"(\d{4})\d{4}T\d{6}Z-(.+)")


def file_name(key: str) -> str:
    """What an archive is called in its record: its key without the folder."""
    return key.rpartition("/")[2]


def series_of(key: str) -> str:
    """The series that an archive belongs to: the first folder of its key, its source."""
    return key.partition("/")[0] if "/" in key else ""


@dataclass(frozen=True, slots=True)
class Marker:
    """A mark.

    Attributes:
        series: The digest of the series.
        archive: The digest of the key.
        folder: The key's folder, where it can't be found from the file's name.
    """

    series: str
    archive: str
    folder: str | None = None

    @classmethod
    def of(cls, key: str) -> Self:
        """The mark of the record that keeps an archive."""
        folder = key.rpartition("/")[0]
        unusual = folder not in _usual_folders(file_name(key))
        return cls(
            _digest("series", series_of(key))[:12],
            _digest("archive", key)[:32],
            folder if unusual else None,
        )

    @classmethod
    def parse(cls, identifier: object) -> Self | None:
        """The mark that an identifier is; None if it is something else."""
        match = _MARKER.fullmatch(identifier) if isinstance(identifier, str) else None
        return cls(match[1], match[2], match[3]) if match else None

    def __str__(self) -> str:
        text = f"labferry:{self.series}:{self.archive}"
        return f"{text}:{self.folder}" if self.folder else text

    def key(self, name: str) -> str | None:
        """The key of the archive with this file name; None if the mark is not of such a one."""
        folders = _usual_folders(name) if self.folder is None else iter((self.folder,))
        keys = (f"{folder}/{name}" if folder else name for folder in folders)
        return next((key for key in keys if _is_key(key) and Marker.of(key) == self), None)


def _usual_folders(name: str) -> Iterator[str]:
    """None, or a source and a year that the name itself tells: `20260102T030405Z-SOURCE-JOB`."""
    yield ""
    match = _USUAL.fullmatch(name)
    if match:
        year, rest = match.groups()
        for dash in re.finditer("-", rest):
            yield f"{rest[: dash.start()]}/{year}"


def _digest(what: str, text: str) -> str:
    return hashlib.sha256(f"labferry {what} {text}".encode()).hexdigest()


def _is_key(text: str) -> bool:
    try:
        check_key(text)
    except InvalidAnswerError:
        return False
    return True
