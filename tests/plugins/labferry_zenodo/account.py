"""An account on a simulated server as the conformance suite sees a storage, behind the sink."""

from collections.abc import Iterator

import httpx
from tests.servers.invenio import SimulatedInvenio, StoredFile, StoredRecord
from typing_extensions import override

from labferry.sdk import MANIFEST_SUFFIX, JsonValue
from labferry.testing.sink import RawStorage
from labferry_zenodo.marker import Marker

METADATA: dict[str, JsonValue] = {
    "title": "Notebooks of {source}, {date}",
    "creators": [
        {
            "family_name": "Carberry",
            "given_name": "Josiah",
            "orcid": "0000-0002-1825-0097",
            "affiliation": "Brown University",
        }
    ],
}


class Account(RawStorage):
    """What lies in an account, under the keys that archives have."""

    def __init__(self, server: SimulatedInvenio) -> None:
        self.server = server

    def settings(self, **changes: JsonValue) -> dict[str, JsonValue]:
        """A destination's table."""
        return {
            "type": "zenodo",
            "url": self.server.url,
            "token": self.server.token,
            "metadata": METADATA,
            **changes,
        }

    @override
    def names(self) -> dict[str, int]:
        return {name: file.size if file else 0 for name, _, file in self._everything()}

    @override
    def read(self, name: str) -> bytes:
        file = next(file for found, _, file in self._everything() if found == name)
        assert file is not None
        return file.content

    @override
    def write(self, name: str, data: bytes) -> None:
        key = name.removesuffix(MANIFEST_SUFFIX)
        record = self.record(key)
        identity = record.id if record else self._new_record(key)
        self.server.edit(identity).put_file(name.rpartition("/")[2], data)

    @override
    def remove(self, name: str) -> None:
        record = next(record for found, record, _ in self._everything() if found == name)
        self.server.edit(record.id).remove_file(name.rpartition("/")[2])

    def record(self, key: str) -> StoredRecord | None:
        """The record of an archive."""
        mark = str(Marker.of(key))
        return next((each for each in self.all() if mark in each.identifiers), None)

    def all(self) -> list[StoredRecord]:
        """Every draft and record; one that is both counts once."""
        return [*{**self.server.drafts, **self.server.records}.values()]

    def _everything(self) -> Iterator[tuple[str, StoredRecord, StoredFile | None]]:
        for record in self.all():
            if not record.files:
                yield f"record {record.id}", record, None
            for file in record.files.values():
                state = "" if file.status == "completed" else f" ({file.status})"
                yield self._key(record, file.key) + state, record, file

    def _key(self, record: StoredRecord, name: str) -> str:
        stem = name.removesuffix(MANIFEST_SUFFIX)
        marks = [mark for each in record.identifiers if (mark := Marker.parse(each))]
        keys = [key for mark in marks if (key := mark.key(stem))]
        return keys[0] + name.removeprefix(stem) if keys else f"{record.id}/{name}"

    def _new_record(self, key: str) -> str:
        document = {
            "metadata": {
                "title": "Planted by the test",
                "identifiers": [{"scheme": "other", "identifier": str(Marker.of(key))}],
            },
            "access": {"record": "public", "files": "restricted"},
        }
        bearer = {"Authorization": f"Bearer {self.server.token}"}
        answer = httpx.post(f"{self.server.url}/api/records", json=document, headers=bearer)
        return str(answer.raise_for_status().json()["id"])
