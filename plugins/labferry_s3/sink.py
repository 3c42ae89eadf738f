"""A bucket as a destination."""

import logging
from collections.abc import Iterator
from typing import Any, BinaryIO

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
    TransientError,
    check_key,
)
from labferry_s3.client import Answer, StoreClient
from labferry_s3.digests import PartDigest
from labferry_s3.integrity import compare_existing, metadata, verify_written
from labferry_s3.locking import locked_until
from labferry_s3.objects import Objects, ObjectState, version_of
from labferry_s3.preflight import Preflight
from labferry_s3.progress import Progress
from labferry_s3.protection import ensure_protection, write_parameters
from labferry_s3.settings import S3Settings
from labferry_s3.strays import remove_dead
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
        prefix = self.settings.prefix
        marker: dict[str, Any] = {}
        sizes: dict[str, int] = {}
        while True:
            answer = self._client.call("list_objects_v2", Prefix=prefix, **marker)
            for each in answer.get("Contents", ()):
                key = str(each["Key"]).removeprefix(prefix)
                sizes[key] = int(each["Size"])
                # Keys come sorted, so an archive comes before its manifest.
                archive_key = key.removesuffix(MANIFEST_SUFFIX)
                if archive_key != key and archive_key in sizes:
                    yield from self._committed(archive_key, sizes.pop(archive_key))
            if not answer.get("IsTruncated"):
                return
            marker = {"ContinuationToken": answer["NextContinuationToken"]}

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        return self._objects.open(stored.key, offset, stored.version_id)

    @override
    def delete(self, stored: StoredArchive) -> None:
        there = [
            state
            for key in (stored.key + MANIFEST_SUFFIX, stored.key)
            if (state := self._objects.state(key)) is not None
        ]
        for reason in filter(None, (locked_until(state.head) for state in there)):
            raise RefusedError(
                f"{self._client.url}{stored.key} is not removed: it is {reason}.",
                hint="It can be removed afterwards.",
            )
        for state in there:
            self._objects.remove(state.key)

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

    def _committed(self, key: str, size: int) -> Iterator[StoredArchive]:
        where = f"{self._client.url}{key}{MANIFEST_SUFFIX}"
        try:
            check_key(key)
            manifest = Manifest.from_json(self._objects.read_manifest(key), where=where)
        except (InvalidAnswerError, NotFoundError) as error:
            _log.warning("%s is left out: %s", where, error)
            return
        yield StoredArchive(key, size, manifest)
