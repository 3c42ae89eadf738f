"""The `.eln` file of an export: a zip file with an RO-Crate in it, made as eLabFTW makes it."""

import io
import json
import secrets
import uuid
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.servers.elabftw.model import Entry, Upload, User
from tests.servers.elabftw.world import World
from typing_extensions import override

_UUID_NAMES = 50400
_DOUBLE_SLASH = range(50400, 50503)
_GENRES = {"experiments": "experiment", "items": "resource"}
_SITE = "https://elab.example.edu"


class Stream(io.RawIOBase):
    """Where a zip file is streamed to: nothing in it can be changed afterwards."""

    def __init__(self) -> None:
        self.written = bytearray()

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Any) -> int:
        self.written += data
        return len(data)


@dataclass
class CrateMaker:
    """Makes one `.eln` file.

    Attributes:
        user: Who asked for it, and so what may be read.
        version: Of the server.
        now: When it is made, in seconds since the epoch.
    """

    world: World
    user: User
    version: int
    now: float
    _graph: list[dict[str, Any]] = field(default_factory=list)
    _done: dict[int, str] = field(default_factory=dict)
    _parts: list[dict[str, str]] = field(default_factory=list)
    _files: list[tuple[str, bytes]] = field(default_factory=list)

    def make(self, entries: Iterable[Entry]) -> bytes:
        """The file with these entries, and all that they link to."""
        for entry in entries:
            self._add(entry)
        moment = datetime.fromtimestamp(self.now, UTC)
        root = f"{moment:%Y-%m-%d-%H%M%S}-export"
        document = {"@context": "https://w3id.org/ro/crate/1.2/context", "@graph": self._all()}
        stream = Stream()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self._files:
                archive.writestr(f"{root}/{name}", content)
            archive.writestr(f"{root}/ro-crate-metadata.json", json.dumps(document))
            archive.writestr(f"{root}/ro-crate-preview.html", f"<html>{moment}</html>")
        return bytes(stream.written)

    def _all(self) -> list[dict[str, Any]]:
        made = datetime.fromtimestamp(self.now, UTC).isoformat()
        return [
            {
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "about": {"@id": "./"},
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
                "dateCreated": made,
                "sdPublisher": {"@id": "#publisher"},
                "version": "1.0",
            },
            {"@id": "#publisher", "@type": "Organization", "name": "eLabFTW"},
            {"@id": "#ro-crate_created", "@type": "CreateAction", "endTime": made},
            *self._graph,
            {
                "@id": "./",
                "@type": ["Dataset"],
                "name": "eLabFTW export",
                "identifier": str(uuid.uuid4()),
                "datePublished": made,
                "hasPart": self._parts,
            },
            *(self._person(user) for user in self.world.users),
        ]

    def _add(self, entry: Entry) -> str:
        """An entry's id in the crate; the entry is added the first time."""
        if entry.id in self._done:
            return self._done[entry.id]
        folder = self._folder(entry)
        self._done[entry.id] = f"./{folder}"
        self._parts.append({"@id": f"./{folder}"})
        node = {
            "@id": f"./{folder}",
            "@type": "Dataset",
            "author": {"@id": f"person://{entry.owner}"},
            "dateCreated": "2026-10-01T09:00:00+02:00",
            "dateModified": entry.modified,
            "name": entry.title,
            "text": entry.body,
            "url": f"{_SITE}/{entry.kind}.php?mode=view&id={entry.id}",
            "genre": _GENRES.get(entry.kind, "template"),
            "identifier": entry.elabid,
            "keywords": ",".join(entry.tags),
            "comment": [self._comment(text) for text in entry.comments],
            "step": [self._step(number, text) for number, text in enumerate(entry.steps, 1)],
            "hasPart": [{"@id": each} for each in self._uploads(entry.uploads, folder)],
            "mentions": [{"@id": self._add(linked)} for linked in self._links(entry)],
        }
        self._graph.append({name: value for name, value in node.items() if value})
        return f"./{folder}"

    def _links(self, entry: Entry) -> Sequence[Entry]:
        linked = [self.world.entry(number) for number in entry.links]
        return [each for each in linked if may_read(self.user, each)]

    def _folder(self, entry: Entry) -> str:
        if self.version >= _UUID_NAMES:
            return f"{uuid.uuid4()}/"
        return f"{entry.title.replace(' ', '-')} - {entry.elabid[9:17]}/"

    def _uploads(self, uploads: Sequence[Upload], folder: str) -> Iterable[str]:
        """Add files; from one that can't be read on, they are described but not there."""
        are_there = True
        for upload in uploads:
            are_there = are_there and upload.is_readable
            name, slash = upload.real_name, ""
            if self.version >= _UUID_NAMES:
                name, slash = str(uuid.uuid4()), "/" if self.version in _DOUBLE_SLASH else ""
            if are_there:
                self._files.append((f"{folder}{slash}{name}", upload.content))
            place = f"./{folder}{name}" if are_there else f"./{folder}"
            self._graph.append(
                {
                    "@id": place,
                    "@type": "File",
                    "name": upload.real_name,
                    "alternateName": upload.long_name,
                    "contentSize": len(upload.content),
                    "sha256": upload.sha256,
                }
            )
            yield place

    def _comment(self, text: str) -> dict[str, str]:
        place = f"comment://{secrets.token_hex(8)}"
        author = {"@id": f"person://{self.user.id}"}
        self._graph.append(
            {"@id": place, "@type": "Comment", "text": text, "author": author, "dateCreated": "x"}
        )
        return {"@id": place}

    def _step(self, number: int, text: str) -> dict[str, str]:
        place, way = f"howtostep://{uuid.uuid4()}", f"howtodirection://{uuid.uuid4()}"
        self._graph += [
            {"@id": way, "@type": "HowToDirection", "text": text},
            {
                "@id": place,
                "@type": "HowToStep",
                "position": number,
                "itemListElement": [{"@id": way}],
            },
        ]
        return {"@id": place}

    def _person(self, user: User) -> dict[str, str]:
        return {
            "@id": f"person://{user.id}",
            "@type": "Person",
            "givenName": user.firstname,
            "familyName": user.lastname,
        }


def may_read(user: User, entry: Entry) -> bool:
    """Whether a user may read an entry: the own ones, and those that are not for the owner only."""
    return entry.owner == user.id or not entry.only_owner
