"""Records and files as answers tell of them."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from labferry.sdk import InvalidAnswerError
from labferry_zenodo.marker import Marker
from labferry_zenodo.settings import Access

_MD5 = re.compile(r"md5:([0-9a-f]{32})")


def fingerprint(value: object) -> str:
    """A digest that is the same for equal JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of a record.

    Attributes:
        name: Its name.
        completed: Whether its bytes are there and committed.
        size: Their number, once it is completed.
        md5: Their MD5, which the server computed, once it is completed.
    """

    name: str
    completed: bool
    size: int = 0
    md5: str | None = None

    @classmethod
    def of(cls, document: Any) -> Self:  # noqa: ANN401 - whatever a server sends
        """Read an entry.

        Raises:
            InvalidAnswerError: It is none.
        """
        name = document.get("key") if isinstance(document, dict) else None
        if not isinstance(name, str):
            raise InvalidAnswerError("The server listed something as a file that is none.")
        size, checksum = document.get("size"), document.get("checksum")
        match = _MD5.fullmatch(checksum) if isinstance(checksum, str) else None
        # Published files have no status on every server, but a checksum.
        done = document.get("status", "completed") == "completed" and isinstance(size, int)
        return cls(name, done, size if done else 0, match[1] if match else None)


@dataclass(frozen=True, slots=True)
class Record:
    """A draft, or a published record.

    Attributes:
        id: Its id, an opaque text.
        parent: The id that all its versions share.
        published: Whether it was published.
        marker: The mark of labferry, if it bears one.
        created: When it was made, as the server writes it.
        metadata: What it says of itself.
        access: Who sees it.
        pids: Its DOI and the like.
    """

    id: str
    parent: str
    published: bool
    marker: Marker | None
    created: str
    metadata: Mapping[str, Any] = field(repr=False)
    access: Mapping[str, Any] = field(repr=False)
    pids: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Any) -> Self:  # noqa: ANN401 - whatever a server sends
        """Read a record.

        Raises:
            InvalidAnswerError: It is none in the shape of InvenioRDM.
        """
        identity = document.get("id") if isinstance(document, dict) else None
        if not isinstance(identity, str | int) or not str(identity):
            raise InvalidAnswerError(
                "The server sent something that is no record.",
                hint="Is the url that of Zenodo or an InvenioRDM?",
            )
        metadata = _table(document, "metadata")
        return cls(
            id=str(identity),
            parent=str(_table(document, "parent").get("id", "")),
            published=document.get("is_published") is True,
            marker=_marker(metadata.get("identifiers")),
            created=str(document.get("created", "")),
            metadata=metadata,
            access=_table(document, "access"),
            pids=_table(document, "pids"),
        )

    @property
    def doi(self) -> str | None:
        """Its DOI, if it has one."""
        doi = self.pids.get("doi")
        identifier = doi.get("identifier") if isinstance(doi, dict) else None
        return identifier if isinstance(identifier, str) else None

    @property
    def begun(self) -> datetime | None:
        """When it was made, if that can be read."""
        try:
            moment = datetime.fromisoformat(self.created)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def fingerprint(self) -> str:
        """A digest of what a person can change about it: metadata and access."""
        return fingerprint([self.metadata, self._levels])

    def grants(self, access: Access) -> bool:
        """Whether exactly those have access who are meant to."""
        return self._levels == [access.record, access.files, False]

    @property
    def _levels(self) -> list[object]:
        embargo = self.access.get("embargo")
        active = isinstance(embargo, dict) and embargo.get("active") is True
        return [self.access.get("record"), self.access.get("files"), active]


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _marker(identifiers: object) -> Marker | None:
    listed = identifiers if isinstance(identifiers, list) else []
    found = (Marker.parse(each.get("identifier")) for each in listed if isinstance(each, dict))
    return next((marker for marker in found if marker), None)
