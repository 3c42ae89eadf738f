"""A multipart upload: begun or resumed, filled part by part, completed when verified."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any, Self

from labferry.sdk import (
    Archive,
    ArchiveReader,
    ConflictError,
    FullError,
    IntegrityError,
    LabferryError,
    TransientError,
    redact,
)
from labferry_s3.client import Answer
from labferry_s3.digests import (
    PartDigest,
    combined_crc32,
    crc32_text,
    multipart_etag,
)
from labferry_s3.errors import ENDED, ExpectedError
from labferry_s3.objects import UNSUPPORTED, Objects
from labferry_s3.part_sizes import PartSizes
from labferry_s3.progress import Progress, SentPart
from labferry_s3.settings import S3Settings
from labferry_s3.window import Window

_log = logging.getLogger(__name__)


class MultipartUpload:
    """The upload of one archive. Nothing of it is visible before it is completed.

    Args:
        objects: Where to.
        settings: How large parts shall be, and how many to send at a time.
        archive: What to upload.
        progress: What an earlier run noted.
        parameters: What to say when the upload is begun: protection and metadata.
    """

    def __init__(
        self,
        objects: Objects,
        settings: S3Settings,
        archive: Archive,
        progress: Progress,
        parameters: dict[str, Any],
    ) -> None:
        self._objects = objects
        self._client = objects.client
        self._settings = settings
        self._archive = archive
        self._progress = progress
        self._parameters = parameters
        self._key = objects.key(archive.key)

    def run(self) -> tuple[Answer, str | None]:
        """Upload what is missing and complete the upload.

        Where it fails for now, what has arrived stays for the next attempt. Where the archive is
        refused, its key is taken or the store is full, it is removed.

        Returns:
            The store's answer, and the ETag that the object must have, if that is known.
        """
        known = self._known_parts()
        try:
            parts = self._send_missing(known)
            self._archive.digests()
            self._require_archive(parts)
            self._require_free_key()
            return self._complete(parts), self._etag(parts)
        except (IntegrityError, ConflictError, FullError):
            self._abort()
            raise
        finally:
            self._progress.save()

    def _known_parts(self) -> dict[int, str]:
        """The ETags of the parts that the store has; the upload is begun if there is none."""
        if self._progress.upload_id is not None:
            try:
                return dict(self._listed_parts())
            except ExpectedError:
                _log.info("The upload of %s was removed; it begins anew.", self._archive.key)
        self._begin()
        return {}

    def _begin(self) -> None:
        part_size = PartSizes.planned(self._archive.size, self._settings.part_size).each
        parameters = {"Key": self._key, **self._parameters, **self._objects.customer_key}
        modern = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
        try:
            answer = self._client.call(
                "create_multipart_upload", expect=UNSUPPORTED, **parameters, **modern
            )
        except ExpectedError:
            answer = self._client.call("create_multipart_upload", **parameters)
        # A store that computes the checksum says so; others ignore the wish.
        whole = answer.get("ChecksumAlgorithm") == "CRC32" and answer.get("ChecksumType") in {
            None,
            "FULL_OBJECT",
        }
        self._progress.begin(str(answer["UploadId"]), part_size, whole_checksum=whole)

    def _listed_parts(self) -> Iterator[tuple[int, str]]:
        sizes = PartSizes(self._archive.size, self._progress.part_size)
        marker: dict[str, Any] = {}
        while True:
            answer = self._client.call("list_parts", expect=ENDED, **self._upload, **marker)
            for part in answer.get("Parts", ()):
                number = int(part["PartNumber"])
                if number <= sizes.count and int(part["Size"]) == sizes.length(number):
                    yield number, str(part["ETag"]).strip('"')
            if not answer.get("IsTruncated"):
                return
            marker = {"PartNumberMarker": int(answer["NextPartNumberMarker"])}

    def _send_missing(self, known: dict[int, str]) -> list[SentPart]:
        """Send what the store does not have, or has with other bytes."""
        noted = self._progress.parts
        parts = {n: noted[n] for n, etag in known.items() if n in noted and noted[n].etag == etag}
        sizes = PartSizes(self._archive.size, self._progress.part_size)

        def arrived(part: SentPart) -> None:
            parts[part.number] = part
            self._progress.add(part)

        width = self._settings.concurrency
        with (
            _Readers(self._archive) as readers,
            Window(self._client, width, sizes.each, arrived) as window,
        ):
            for number in range(1, sizes.count + 1):
                if number in parts:
                    continue
                buffer = window.buffer()
                length = sizes.length(number)
                digest = readers.fill(sizes.offset(number), memoryview(buffer)[:length])
                if known.get(number) == digest.etag:
                    arrived(SentPart.of(number, digest, digest.etag))
                    window.give_back(buffer)
                else:
                    window.send(number, digest, buffer, self._part_parameters(digest))
        return [parts[number] for number in sorted(parts)]

    def _part_parameters(self, digest: PartDigest) -> dict[str, Any]:
        checksum = {"ChecksumCRC32": crc32_text(digest.crc32)}
        return {
            **self._upload,
            **self._objects.customer_key,
            "ContentMD5": digest.content_md5,
            **(checksum if self._progress.whole_checksum else {}),
        }

    def _require_archive(self, parts: list[SentPart]) -> None:
        """Parts of an earlier run may be from a download that was refused afterwards."""
        if combined_crc32((each.crc32, each.size) for each in parts) == self._archive.crc32:
            return
        self._abort()
        raise TransientError(
            f"What an earlier run uploaded of {self._archive.key} is not from this archive; it "
            "was removed."
        )

    def _require_free_key(self) -> None:
        """For stores that do not know conditional requests; the others are asked again."""
        if self._objects.state(self._archive.key) is not None:
            raise ConflictError(f"{self._key} has appeared meanwhile; it was not touched.")

    def _complete(self, parts: list[SentPart]) -> Answer:
        listed = [
            {
                "PartNumber": each.number,
                "ETag": f'"{each.etag}"',
                **(
                    {"ChecksumCRC32": crc32_text(each.crc32)}
                    if self._progress.whole_checksum
                    else {}
                ),
            }
            for each in parts
        ]
        parameters = {**self._upload, "MultipartUpload": {"Parts": listed}, **self._whole()}
        try:
            return self._client.call(
                "complete_multipart_upload", expect=UNSUPPORTED, IfNoneMatch="*", **parameters
            )
        except ExpectedError:
            return self._client.call("complete_multipart_upload", **parameters)

    def _whole(self) -> dict[str, Any]:
        """What the store shall refuse to publish anything else than."""
        if not self._progress.whole_checksum:
            return {}
        return {
            "ChecksumCRC32": crc32_text(self._archive.crc32),
            "ChecksumType": "FULL_OBJECT",
            "MpuObjectSize": self._archive.size,
        }

    def _etag(self, parts: list[SentPart]) -> str | None:
        return multipart_etag(e.etag for e in parts) if all(e.plain for e in parts) else None

    def _abort(self) -> None:
        """Remove what has arrived; if that fails, the upload is a stray for later."""
        upload = self._upload
        self._progress.clear()
        try:
            with suppress(ExpectedError):
                self._client.call("abort_multipart_upload", expect=ENDED, **upload)
        except LabferryError as error:
            _log.warning("The upload of %s can't be removed: %s", self._key, redact(str(error)))

    @property
    def _upload(self) -> dict[str, Any]:
        return {"Key": self._key, "UploadId": self._progress.upload_id}


class _Readers:
    """Reads an archive in pieces, most of them one after the other."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._stack = ExitStack()
        self._reader: ArchiveReader | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fill(self, offset: int, view: memoryview) -> PartDigest:
        """Fill a buffer with the bytes from an offset on."""
        if self._reader is None or self._reader.tell() != offset:
            self._stack.close()
            self._reader = self._stack.enter_context(self._archive.open(offset))
        if self._reader.readinto(view) != len(view):
            raise TransientError(f"The archive {self._archive.id} ended too early.")
        return PartDigest.of(view)
