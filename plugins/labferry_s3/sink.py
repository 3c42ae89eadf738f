"""A bucket as a destination."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO

from typing_extensions import override

from labferry.sdk import (
    MANIFEST_SUFFIX,
    Archive,
    Checked,
    Checkpoint,
    ConflictError,
    Finding,
    IntegrityError,
    InvalidAnswerError,
    Manifest,
    ManifestDraft,
    NotFoundError,
    Receipt,
    RefusedError,
    Sink,
    StoredArchive,
    Stray,
    TransientError,
    check_key,
)
from labferry.sdk.strays import Found
from labferry_s3.client import Answer, StoreClient
from labferry_s3.digests import PartDigest
from labferry_s3.integrity import compare_existing, metadata, quick_compare, verify_written
from labferry_s3.listing import Listed, listed_objects
from labferry_s3.locking import locked_until
from labferry_s3.objects import Objects, ObjectState, version_of
from labferry_s3.preflight import Preflight
from labferry_s3.progress import Progress
from labferry_s3.protection import ensure_protection, write_parameters
from labferry_s3.settings import S3Settings
from labferry_s3.strays import remove_dead, remove_stray, strays_of
from labferry_s3.upload import MultipartUpload

__all__ = ["S3Sink"]

_log = logging.getLogger(__name__)


class S3Sink(Sink[S3Settings]):
    """Keeps archives in a bucket of AWS S3 or a store that speaks its protocol.

    An archive is sent in parts while it still arrives. It becomes visible, all of it at once, when
    the upload is completed, and that is asked for only when the archive is verified. The manifest
    follows.
    """

    type = "s3"
    Settings = S3Settings

    def __init__(self, name: str, settings: S3Settings) -> None:
        super().__init__(name, settings)
        self._client = StoreClient(settings)
        self._objects = Objects(self._client, settings)
        # Manifests are small and often read: not for a storage class that is slow or dear to read.
        self._for_manifests = settings.model_copy(update={"storage_class": None})

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
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

    @override
    def list(self) -> Iterator[StoredArchive]:
        waiting: dict[str, Listed] = {}
        for each in listed_objects(self._client, self.settings.prefix):
            waiting[each.key] = each
            # Keys come sorted, so an archive comes before its manifest.
            archive_key = each.key.removesuffix(MANIFEST_SUFFIX)
            if archive_key != each.key and archive_key in waiting:
                yield from self._committed(waiting.pop(archive_key))

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        if stored.version_id is not None:
            # To read a version that is named takes a permission of its own.
            with suppress(RefusedError):
                return self._objects.open(stored.key, offset, stored.version_id)
        return self._objects.open(stored.key, offset)

    @override
    def delete(self, stored: StoredArchive) -> None:
        there = self._states(stored)
        if reason := _lock_of(there):
            raise RefusedError(
                f"{self._client.url}{stored.key} is not removed: it is {reason}.",
                hint="It can be removed afterwards.",
            )
        for state in there:
            self._objects.remove(state.key)

    @override
    def quick_check(self, stored: StoredArchive) -> Checked:
        return quick_compare(self._objects, stored)

    @override
    def hold(self, stored: StoredArchive) -> str:
        return _lock_of(self._states(stored))

    @override
    def strays(self) -> Iterator[Stray]:
        prefix = self.settings.prefix
        listed = list(listed_objects(self._client, prefix))
        found = [Found(each.key, each.size, each.changed) for each in listed]
        committed = {stored.key for stored in self.list()}
        return strays_of(self._objects, prefix, found, committed)

    @override
    def remove_stray(self, stray: Stray) -> None:
        remove_stray(self._objects, self.settings.prefix, stray)

    @override
    def check(self) -> Iterator[Finding]:
        return Preflight(self._client, self._objects, self.settings).findings()

    @override
    def close(self) -> None:
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
