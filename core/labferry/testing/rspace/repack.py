"""Exports a real archive's contents anew: everything differs that differs in a real re-export."""

import re
import secrets
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

# Sketches, annotations, formulas and chemistry images have a random name in every export.
_RANDOM_NAME = re.compile(
    r"(chemdb|sketch|annotation|math)([A-Za-z0-9_-]{10,16})(?=\.(?:png|svg|jpg)$)"
)
_TEXT = (".xml", ".html", ".txt")


@dataclass(frozen=True)
class RealArchive:
    """An export made by a real server, to be offered again under new names.

    Attributes:
        path: The zip file.
        changed: New bytes for members, by name below the root folder: work that was changed
            since. A new name adds a member.
    """

    path: Path
    changed: Mapping[str, bytes] = field(default_factory=dict)

    def members(self, day: date) -> dict[str, bytes]:
        """Member names below the root folder, and their bytes."""
        with zipfile.ZipFile(self.path) as archive:
            original = {
                name.partition("/")[2]: archive.read(name)
                for name in archive.namelist()
                if name.partition("/")[2]
            }
        original.update(self.changed)
        return _renew(original, day)

    def is_format(self, export_format: str) -> bool:
        """Whether the archive is in this export format."""
        with zipfile.ZipFile(self.path) as archive:
            html = any(name.endswith("/a-zIndex.html") for name in archive.namelist())
        return html == (export_format == "html")


def _renew(original: Mapping[str, bytes], day: date) -> dict[str, bytes]:
    renamed = _new_names(original)
    renamed.update(_new_manifest_values(original["manifest.txt"].decode(), day))
    return {
        _replace(name, renamed): _replace_in(name, data, renamed) for name, data in original.items()
    }


def _new_names(original: Mapping[str, bytes]) -> dict[str, str]:
    found = (_RANDOM_NAME.search(name) for name in original)
    names = {match[2] for match in found if match}
    return {name: secrets.token_urlsafe(20)[: len(name)] for name in names}


def _new_manifest_values(manifest: str, day: date) -> dict[str, str]:
    """The archive's id, and its date where it stands behind its title."""
    values = dict(line.split(":", 1) for line in manifest.splitlines())
    old, new = values["exportDate"], day.isoformat()
    return {
        values["archiveId"]: str(uuid.uuid4()),
        f"exportDate:{old}": f"exportDate:{new}",
        f"<td>{old}</td>": f"<td>{new}</td>",
    }


def _replace(text: str, replacements: Mapping[str, str]) -> str:
    for old, new in replacements.items():
        text = text.replace(old, new)
    return text


def _replace_in(name: str, data: bytes, replacements: Mapping[str, str]) -> bytes:
    if not name.endswith(_TEXT):
        return data
    return _replace(data.decode("utf-8", "surrogateescape"), replacements).encode(
        "utf-8", "surrogateescape"
    )
