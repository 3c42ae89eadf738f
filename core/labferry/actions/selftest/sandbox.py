"""A corner of a real destination in which its sink can be tried out, and what was put there."""

import hashlib
import secrets
from builtins import list as list_of
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from labferry.config import SinkConfig
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.retry import RetryPolicy, retry
from labferry.runtime.stop import Stop
from labferry.sdk import (
    MANIFEST_SUFFIX,
    Finding,
    LabferryError,
    Manifest,
    NotFoundError,
    Receipt,
    Sink,
    StoredArchive,
)
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest
from labferry.testing.samples.background import Background

_FOLDER = "labferry-validate"
_SIZE = 300_007
_PATIENCE = 900.0
"""Seconds after which a store is taken to hang; a slow line must not be mistaken for that."""
_CHUNK = 1 << 20


class Scratch:
    """Sample archives of its own at a destination, every one of them new and remembered.

    Their keys are `labferry-validate/{token}-{word}.zip`, the token another one each time.

    Attributes:
        config: The destination.
        texts: What its sink returned and raised that people get to see.
    """

    def __init__(self, config: SinkConfig) -> None:
        self.config = config
        self.texts: list[str] = []
        self._token = secrets.token_hex(8)
        self._archives: dict[str, SampleArchive] = {}

    @contextmanager
    def sink(self) -> Iterator[Sink[Any]]:
        """A new sink, closed in the end."""
        with closing(self.config.kind(self.config.name, self.config.settings)) as sink:
            try:
                yield sink
            except LabferryError as error:
                self.texts.append(str(error))
                raise

    def archive(self, word: str, size: int = _SIZE, **how: Any) -> SampleArchive:  # noqa: ANN401 - SampleArchive's
        """An archive by a name; the same bytes under the same key for the same name."""
        job = f"{self._token}-{word}"
        return self.archive_at(f"{_FOLDER}/{job}.zip", word, size, **how)

    def archive_at(self, key: str, word: str, size: int = _SIZE, **how: Any) -> SampleArchive:  # noqa: ANN401 - as above
        """As `archive`, but under a chosen key."""
        job = f"{self._token}-{word}"
        content = Content(size, job)
        md5 = self.config.kind.traits.needs_md5
        self._archives.setdefault(key, SampleArchive(content, job=job, key=key, md5=md5))
        return SampleArchive(content, job=job, key=key, md5=md5, **how)

    def check(self) -> list_of[Finding]:
        """What the preflight says."""
        with self.sink() as sink:
            findings = [*sink.check()]
        self.texts += [finding.message for finding in findings]
        return findings

    def store(self, archive: SampleArchive, note: MemoryCheckpoint | None = None) -> Receipt:
        """Store an archive with a new sink, trying again as labferry does."""
        note = note or MemoryCheckpoint()
        return retry(
            lambda: self.store_once(archive, note), Stop(), self.config.name, RetryPolicy(tries=3)
        )

    def store_once(self, archive: SampleArchive, note: MemoryCheckpoint) -> Receipt:
        """Store an archive with a new sink."""
        with self.sink() as sink:
            receipt = sink.store(archive, SampleManifest(archive), note)
        self.texts.append(repr(receipt))
        return receipt

    def start_to_store(self, archive: SampleArchive) -> Background[Receipt]:
        """Store an archive in a thread of its own."""
        return Background(partial(self.store_once, archive, MemoryCheckpoint()), _PATIENCE)

    def listed(self) -> dict[str, list_of[StoredArchive]]:
        """What a new sink lists of what was put here, by key."""
        found: dict[str, list_of[StoredArchive]] = {}
        with self.sink() as sink:
            for stored in sink.list():
                if stored.key in self._archives:
                    found.setdefault(stored.key, []).append(stored)
        return found

    def holds(self, archive: SampleArchive) -> bool:
        """Whether a new sink reads the archive's bytes where they should be."""
        return self.digest(self.stored(archive)) == archive.content.digests.sha256

    def stored(self, archive: SampleArchive) -> StoredArchive:
        """The archive as it would be listed if it is stored."""
        manifest_key = archive.key + MANIFEST_SUFFIX
        whole = self._archives[archive.key]
        manifest = Manifest.from_json(SampleManifest(whole).seal(), where=manifest_key)
        return StoredArchive(archive.key, whole.size, manifest)

    def digest(self, stored: StoredArchive) -> str:
        """The SHA-256 of what a new sink reads."""
        digest = hashlib.sha256()
        with self.sink() as sink, sink.open(stored) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def is_there(self, archive: SampleArchive) -> bool:
        """Whether there is anything to read under the archive's key."""
        try:
            with self.sink() as sink, sink.open(self.stored(archive)) as file:
                file.read(1)
        except NotFoundError:
            return False
        return True

    def delete(self, *stored: StoredArchive) -> None:
        """Delete with one new sink."""
        with self.sink() as sink:
            for each in stored:
                sink.delete(each)

    def clean_up(self) -> list_of[str]:
        """Delete all that was put here; says what is left, each with the reason."""
        left = []
        for archive in self._archives.values():
            try:
                self._remove(archive)
            except Exception as error:  # noqa: BLE001 - the others shall be deleted all the same
                left.append(f"{archive.key}: {wrap_plugin_error(error, 'Its plugin')}")
        return left

    def _remove(self, archive: SampleArchive) -> None:
        listed = self.listed().get(archive.key, [])
        self.delete(*listed)
        if self.is_there(archive):
            self.delete(self.stored(archive))
        if archive.key in self.listed() or self.is_there(archive):
            raise LabferryError("It is still there, although deleting it raised no error.")
