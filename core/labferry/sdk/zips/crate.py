"""Whether an `.eln` file is whole: an RO-Crate in a zip file, as electronic lab notebooks export.

The zip file itself shows that each of its members is what was packed. `ro-crate-metadata.json` in
its root folder describes what should be there, with the SHA-256 of each file:
https://github.com/TheELNConsortium/TheELNFileFormat.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from labferry.sdk.errors import IntegrityError
from labferry.sdk.quantities import MIB
from labferry.sdk.zips.archive import ZipArchive
from labferry.sdk.zips.directory import ZipMember
from labferry.sdk.zips.names import show_name

__all__ = ["Crate", "CrateFile", "CrateReport"]

_log = logging.getLogger(__name__)

_METADATA = "ro-crate-metadata.json"
_LARGEST = 64 * MIB
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.ASCII | re.IGNORECASE)
_SLASHES = re.compile("/+")
_SHA256 = re.compile("[0-9a-f]{64}", re.ASCII)
_SHOWN = 3

_Found = tuple[int, str]


@dataclass(frozen=True, slots=True)
class CrateFile:
    """A file that the metadata describe.

    Attributes:
        path: Where it should be, below the root folder; that of a folder ends in `/`.
        name: Its name for people.
        size: Its size in bytes, if that is described.
        sha256: Its SHA-256, if that is described.
    """

    path: str
    name: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class CrateReport:
    """What became of the files that the metadata describe.

    Attributes:
        files: How many files are in the zip file.
        missing: The names of those that are not there.
        differing: The names of those whose content is another than was described.
    """

    files: int
    missing: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()

    @property
    def problem(self) -> str:
        """What is wrong, in a sentence; empty if nothing is."""
        parts = []
        if self.missing:
            parts.append(f"lacks {_some(self.missing)}")
        if self.differing:
            parts.append(f"has another content than described for {_some(self.differing)}")
        return f"By its own {_METADATA}, it {' and '.join(parts)}." if parts else ""


class Crate:
    """The RO-Crate in an `.eln` file; making one reads its metadata.

    Args:
        contents: The zip file. It is read as long as this is used.

    Attributes:
        graph: The nodes of the metadata. Empty if they are too large to be read: then only the
            zip file itself is tested.
        members: The files of the zip file by their paths below the root folder, without doubled
            slashes.

    Raises:
        IntegrityError: There are no metadata, or they can't be read.
    """

    def __init__(self, contents: ZipArchive) -> None:
        self._contents = contents
        metadata = _find(contents)
        self._root = metadata.name.removesuffix(_METADATA)
        self.graph: Sequence[Mapping[str, Any]] = _read(contents, metadata)
        self.members: dict[str, list[ZipMember]] = {}
        for member in contents.files:
            if member.name.startswith(self._root):
                self.members.setdefault(self._path(member), []).append(member)

    def files(self) -> Iterator[CrateFile]:
        """The files that the metadata describe, but not those on the web."""
        for node in self.graph:
            place = node.get("@id")
            if _is_file(node) and isinstance(place, str) and not _ELSEWHERE.match(place):
                yield self._file(node, place)

    def test(self, between: Callable[[], object] | None = None) -> CrateReport:
        """Read every member once, and compare it with the zip's directory and the metadata.

        Args:
            between: Called again and again; what it raises ends the test.

        Raises:
            IntegrityError: A member is not what the directory says.
        """
        described = list(self.files())
        wanted = {file.path for file in described}
        found: dict[str, list[_Found]] = {}
        for member in sorted(self._contents.members, key=lambda member: member.offset):
            path = self._path(member)
            digest = hashlib.sha256() if path in wanted else None
            for chunk in self._contents.chunks(member):
                if digest is not None:
                    digest.update(chunk)
                if between is not None:
                    between()
            if digest is not None:
                found.setdefault(path, []).append((member.size, digest.hexdigest()))
        missing = [file.name for file in described if file.path not in found]
        differing = [
            file.name
            for file in described
            if file.path in found and not any(_fits(file, each) for each in found[file.path])
        ]
        return CrateReport(len(self._contents.files), (*missing,), (*differing,))

    def _path(self, member: ZipMember) -> str:
        return _SLASHES.sub("/", member.name.removeprefix(self._root))

    def _file(self, node: Mapping[str, Any], place: str) -> CrateFile:
        path = _SLASHES.sub("/", place.removeprefix("./"))
        if path not in self.members:
            # By the specification a path is encoded as in a URL; not every notebook does that.
            path = unquote(path) if unquote(path) in self.members else path
        name, digest = node.get("name"), node.get("sha256")
        digest = digest.strip().lower() if isinstance(digest, str) else ""
        return CrateFile(
            path,
            show_name(name if isinstance(name, str) and name else path),
            _size(node.get("contentSize")),
            digest if _SHA256.fullmatch(digest) else None,
        )


def _find(contents: ZipArchive) -> ZipMember:
    """The metadata: in the one root folder, or in none."""
    for member in contents.files:
        folder, _, name = member.name.rpartition("/")
        if name == _METADATA and "/" not in folder:
            return member
    raise IntegrityError(f"The .eln file has no {_METADATA} in its root folder.")


def _read(contents: ZipArchive, member: ZipMember) -> Sequence[Mapping[str, Any]]:
    if member.size > _LARGEST:
        _log.warning(
            "The %s of an .eln file has %d bytes, more than the %d that are read: its files are "
            "not compared with it",
            _METADATA,
            member.size,
            _LARGEST,
        )
        return ()
    try:
        document = json.loads(contents.read(member))
    except (ValueError, RecursionError):
        raise IntegrityError(f"The {_METADATA} of the .eln file is no JSON.") from None
    graph = document.get("@graph") if isinstance(document, dict) else None
    if not isinstance(graph, list):
        raise IntegrityError(f"The {_METADATA} of the .eln file has no @graph.")
    return [node for node in graph if isinstance(node, dict)]


def _is_file(node: Mapping[str, Any]) -> bool:
    kinds = node.get("@type")
    return "File" in (kinds if isinstance(kinds, list) else [kinds])


def _size(value: object) -> int | None:
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _fits(file: CrateFile, found: _Found) -> bool:
    size, sha256 = found
    if file.sha256 is not None:
        return file.sha256 == sha256
    return file.size in {None, size}


def _some(names: Sequence[str]) -> str:
    files = "1 file" if len(names) == 1 else f"{len(names)} files"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{files} ({', '.join(names[:_SHOWN])}{more})"
