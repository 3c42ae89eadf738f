"""What a destination of type `s3` does, in its bucket."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO

from labferry.sdk import (
    MANIFEST_SUFFIX,
    MARKER_KEY,
    Archive,
    Checked,
    Checkpoint,
    ConflictError,
    Finding,
    HeldError,
    IntegrityError,
    InvalidAnswerError,
    Manifest,
    ManifestDraft,
    NotFoundError,
    Receipt,
    RefusedError,
    StoredArchive,
    Stray,
    TransientError,
    check_key,
)
from labferry.sdk.strays import Found
from labferry_s3.answers import Answer, version_of
from labferry_s3.client import StoreClient
from labferry_s3.digests import PartDigest
from labferry_s3.integrity import compare_existing, metadata, quick_compare, verify_written
from labferry_s3.listing import Listed, listed_objects
from labferry_s3.locking import locked_until
from labferry_s3.objects import Objects, ObjectState
from labferry_s3.preflight import Preflight
from labferry_s3.progress import Progress
from labferry_s3.protection import ensure_protection, write_parameters
from labferry_s3.settings import S3Settings
from labferry_s3.strays import remove_dead, remove_stray, strays_of
from labferry_s3.upload import MultipartUpload

_log = logging.getLogger(__name__)
_MARKER_LIMIT = 1 << 16


class Bucket:
    """The archives in a bucket. The methods are those of `Sink`.

    Args:
        name: The destination's name.
        settings: Its settings.

    Raises:
        PluginError: s3fs is not installed.
    """

    def __init__(self, name: str, settings: S3Settings) -> None:
        self.name = name
        self.settings = settings
        self._client = StoreClient(settings)
        self._objects = Objects(self._client, settings)
        # Manifests are small and often read: not for a storage class that is slow or dear to read.
        self._for_manifests = settings.model_copy(update={"storage_class": None})

    def prepare(self) -> None:
        """Make ready for the first request."""
        self._client.prepare()

    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        """Send an archive, make sure of it, and commit it with its manifest."""
        answer: Answer = {}
        state = self._objects.state(archive.key)
        if state is None:
            answer, state, checked = self._write(archive, checkpoint)
        else:
            checked = self._compare(state, archive)
        document = manifest.seal()
        ensure_protection(self.settings, self._objects, state, answer)
        self._write_manifest(manifest.key, document)
        remove_dead(self._objects, archive.key)
        Progress(checkpoint, archive, self._objects.key(archive.key)).clear()
        return Receipt(
            destination=self.name,
            archive_id=archive.id,
            key=archive.key,
            size=archive.size,
            checked=checked,
            url=f"{self._client.url}{archive.key}",
            version_id=state.version_id or version_of(answer),
        )

    def list(self) -> Iterator[StoredArchive]:
        """The committed archives, by key."""
        found = {each.key: each for each in listed_objects(self._client, self.settings.prefix)}
        for key, each in found.items():
            if f"{key}{MANIFEST_SUFFIX}" in found:
                yield from self._committed(each)

    def find(self, key: str) -> StoredArchive | None:
        """One committed archive."""
        state = self._objects.state(key)
        if state is None:
            return None
        try:
            document = self._objects.read_manifest(key)
            manifest = Manifest.from_json(document, where=f"{key}{MANIFEST_SUFFIX}")
        except (InvalidAnswerError, NotFoundError):
            return None
        return StoredArchive(key, state.size, manifest, state.version_id)

    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        """Read an archive."""
        if stored.version_id is not None:
            # To read a version that is named takes a permission of its own.
            with suppress(RefusedError):
                return self._objects.open(stored.key, offset, stored.version_id)
        return self._objects.open(stored.key, offset)

    def delete(self, stored: StoredArchive) -> None:
        """Remove an archive and its manifest, where no lock holds them."""
        there = self._states(stored)
        # What has lost its manifest is no archive any more that could simply be kept.
        kind = HeldError if len(there) > 1 else RefusedError
        if reason := _lock_of(there):
            raise kind(
                f"{self._client.url}{stored.key} is not removed: it is {reason}.",
                hint="It can be removed afterwards.",
            )
        for state in there:
            try:
                self._objects.remove(state.key)
            except HeldError as error:
                raise kind(error.message, hint=error.hint) from error
            kind = RefusedError

    def quick_check(self, stored: StoredArchive) -> Checked:
        """Compare what the store says of an archive with its manifest."""
        return quick_compare(self._objects, stored)

    def hold(self, stored: StoredArchive) -> str:
        """Why an archive can't be removed; empty where it can."""
        return _lock_of(self._states(stored))

    def read_marker(self) -> bytes | None:
        """The marker's content; None if there is none."""
        if self._objects.state(MARKER_KEY) is None:
            return None
        with self._objects.open(MARKER_KEY) as file:
            return file.read(_MARKER_LIMIT)

    def write_marker(self, content: bytes) -> None:
        """Write the marker, unless there is one."""
        if self._objects.state(MARKER_KEY) is None:
            with suppress(ConflictError):
                self._objects.put(MARKER_KEY, content, write_parameters(self._for_manifests))

    def strays(self) -> Iterator[Stray]:
        """What is no committed archive."""
        prefix = self.settings.prefix
        listed = listed_objects(self._client, prefix)
        found = [Found(each.key, each.size, each.changed) for each in listed]
        committed = {stored.key for stored in self.list()}
        return strays_of(self._objects, prefix, found, committed)

    def remove_stray(self, stray: Stray) -> None:
        """Remove it."""
        remove_stray(self._objects, self.settings.prefix, stray)

    def check(self) -> Iterator[Finding]:
        """Whether archives can be stored, read back and removed."""
        return Preflight(self._client, self._objects, self.settings).findings()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _write(
        self, archive: Archive, checkpoint: Checkpoint
    ) -> tuple[Answer, ObjectState, Checked]:
        try:
            answer, etag = self._sent(archive, checkpoint)
        except (TransientError, ConflictError):
            # The answer to a request that took effect may have been lost, and then the archive is
            # there; or somebody else was faster with it.
            state = self._objects.state(archive.key)
            if state is None:
                raise
            return {}, state, self._compare(state, archive)
        state = self._objects.state(archive.key)
        if state is None:
            raise IntegrityError(
                f"{self._client.url}{archive.key} is gone as soon as it was written."
            )
        return answer, state, verify_written(self._objects, state, archive, etag)

    def _sent(self, archive: Archive, checkpoint: Checkpoint) -> tuple[Answer, str | None]:
        parameters = {**write_parameters(self.settings), "Metadata": metadata(archive)}
        if archive.size > self.settings.part_size:
            progress = Progress(checkpoint, archive, self._objects.key(archive.key))
            upload = MultipartUpload(self._objects, self.settings, archive, progress, parameters)
            return upload.run()
        with archive.open() as reader:
            data = reader.read()
        archive.digests()
        answer = self._objects.put(archive.key, data, parameters)
        return answer, PartDigest.of(data).etag

    def _compare(self, state: ObjectState, archive: Archive) -> Checked:
        return compare_existing(self._objects, state, archive, self.settings.part_size)

    def _write_manifest(self, key: str, document: bytes) -> None:
        state = self._objects.state(key)
        if state is None:
            try:
                self._objects.put(key, document, write_parameters(self._for_manifests))
            except (TransientError, ConflictError):
                state = self._objects.state(key)
                if state is None:
                    raise
            else:
                return
        if not self._objects.holds(state, document):
            raise ConflictError(
                f"{self._client.url}{key} exists already with other content; it was not touched."
            )

    def _states(self, stored: StoredArchive) -> Sequence[ObjectState]:
        """What the store says of an archive's manifest and of the archive, where they are there."""
        keys = (stored.key + MANIFEST_SUFFIX, stored.key)
        states = [self._objects.state(key) for key in keys]
        return [state for state in states if state is not None]

    def _committed(self, found: Listed) -> Iterator[StoredArchive]:
        where = f"{self._client.url}{found.key}{MANIFEST_SUFFIX}"
        try:
            check_key(found.key)
            manifest = Manifest.from_json(self._objects.read_manifest(found.key), where=where)
        except (InvalidAnswerError, NotFoundError) as error:
            _log.warning("%s is left out: %s", where, error)
            return
        yield StoredArchive(found.key, found.size, manifest, found.version_id)


def _lock_of(states: Sequence[ObjectState]) -> str:
    """In words, why objects can't be deleted; empty where they can."""
    return next(filter(None, (locked_until(state.head) for state in states)), "")
