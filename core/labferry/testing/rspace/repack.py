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
_RANDOM_NAME = re.compile(r"(?:chemd|sktch|annot|math)([A-Za-z0-9_-]{14})(?=\.(?:png|svg)$)")
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

    def members(self, day: date, scope: str) -> dict[str, bytes]:
        """Member names below the root folder, and their bytes.

        Args:
            day: The day of the export.
            scope: What was asked for, in capitals as in the manifest.
        """
        with zipfile.ZipFile(self.path) as archive:
            original = {
                name.partition("/")[2]: archive.read(name)
                for name in archive.namelist()
                if name.partition("/")[2]
            }
        original.update(self.changed)
        return _renew(original, day, scope)

    def is_format(self, export_format: str) -> bool:
        """Whether the archive is in this export format."""
        with zipfile.ZipFile(self.path) as archive:
            html = any(name.endswith("/a-zIndex.html") for name in archive.namelist())
        return html == (export_format == "html")


def _renew(original: Mapping[str, bytes], day: date, scope: str) -> dict[str, bytes]:
    renamed = _new_names(original)
    renamed.update(_new_manifest_values(original["manifest.txt"].decode(), day, scope))
    return {
        _replace(name, renamed): _replace_in(name, data, renamed) for name, data in original.items()
    }


def _new_names(original: Mapping[str, bytes]) -> dict[str, str]:
    found = (_RANDOM_NAME.search(name) for name in original)
    names = {match[1] for match in found if match}
    return {name: secrets.token_urlsafe(20)[: len(name)] for name in names}


def _new_manifest_values(manifest: str, day: date, scope: str) -> dict[str, str]:
    """The archive's id, and date and scope where they stand behind their titles."""
    values = dict(line.split(":", 1) for line in manifest.splitlines())
    news = {"exportDate": day.isoformat(), "scope": scope}
    replaced = {values["archiveId"]: str(uuid.uuid4())}
    for title, new in news.items():
        replaced[f"{title}:{values[title]}"] = f"{title}:{new}"
        replaced[f"<td>{values[title]}</td>"] = f"<td>{new}</td>"
    return replaced


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
