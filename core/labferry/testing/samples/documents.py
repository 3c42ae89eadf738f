"""What a sink is given beside an archive: a manifest to seal and a checkpoint to keep."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from labferry.sdk.archive import Checkpoint, ManifestDraft
from labferry.sdk.manifest import MANIFEST_SUFFIX, Manifest, ManifestJob, ManifestSource
from labferry.sdk.settings import JsonValue
from labferry.testing.samples.archive import SUBMITTED, SampleArchive

__all__ = ["FileCheckpoint", "MemoryCheckpoint", "SampleManifest"]


class SampleManifest(ManifestDraft):
    """The manifest of a sample archive.

    Attributes:
        on_seal: Called when the document has just been sealed, before it is given out.
    """

    def __init__(self, archive: SampleArchive) -> None:
        self.key = archive.key + MANIFEST_SUFFIX
        self.on_seal: Callable[[], None] | None = None
        self._archive = archive

    def seal(self) -> bytes:
        """The document, waiting until the archive is verified."""
        document = self._manifest().to_json()
        if self.on_seal is not None:
            self.on_seal()
        return document

    def _manifest(self) -> Manifest:
        archive = self._archive
        digests = archive.digests()
        return Manifest(
            labferry_manifest=1,
            archive_id=archive.id,
            file=archive.key.rpartition("/")[2],
            size=archive.size,
            sha256=digests.sha256,
            crc32=f"{digests.crc32:08x}",
            source=ManifestSource(
                name=archive.source,
                type="sample",
                url="https://eln.example.edu",
                series="group 23",
                parameters={"scope": "group", "id": 23},
            ),
            job=ManifestJob(
                id=archive.id.rpartition("-")[2],
                submitted=SUBMITTED,
                completed=SUBMITTED + timedelta(minutes=5),
            ),
            created_by="labferry.testing",
        )


class MemoryCheckpoint(Checkpoint):
    """A note that lasts as long as the test."""

    def __init__(self, state: Mapping[str, JsonValue] | None = None) -> None:
        self._text = json.dumps(dict(state or {}))

    def load(self) -> dict[str, JsonValue]:
        """What was saved last."""
        state: dict[str, JsonValue] = json.loads(self._text)
        return state

    def save(self, state: Mapping[str, JsonValue]) -> None:
        """Replace the note; it must be what JSON can hold."""
        self._text = json.dumps(dict(state))


class FileCheckpoint(Checkpoint):
    """A note that outlives the process.

    Args:
        path: The file that holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, JsonValue]:
        """What was saved last."""
        if not self._path.exists():
            return {}
        state: dict[str, JsonValue] = json.loads(self._path.read_bytes())
        return state

    def save(self, state: Mapping[str, JsonValue]) -> None:
        """Replace the note atomically."""
        scratch = self._path.with_suffix(".new")
        with scratch.open("w", encoding="utf-8") as file:
            json.dump(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self._path)
