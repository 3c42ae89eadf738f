"""A multipart upload: begun or resumed, filled part by part, completed when verified."""

import logging
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any, Self

from labferry.sdk import (
    Archive,
    ArchiveReader,
    ConflictError,
    FullError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    RefusedError,
    TransientError,
    redact,
)
from labferry_s3.answers import Answer, etag_of, size_of
from labferry_s3.digests import (
    PartDigest,
    combined_crc32,
    crc32_text,
    multipart_etag,
)
from labferry_s3.errors import ENDED, SPOILT, UNKNOWN, ExpectedError, caused_by
from labferry_s3.objects import Objects
from labferry_s3.part_sizes import PartSizes
from labferry_s3.progress import Progress, SentPart
from labferry_s3.settings import S3Settings
from labferry_s3.window import Window

_UNLISTED = ENDED | UNKNOWN
_BROKEN = frozenset({"500", "InternalError", "InternalFailure"})
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

        If it fails for now, what has arrived stays for the next attempt. If the archive is
        refused, its key is taken, the store is full, or the store can't go on with this upload, it
        is removed, and the next attempt begins anew.

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
        except (IntegrityError, ConflictError, FullError, InvalidAnswerError):
            self._abort()
            raise
        except TransientError as error:
            if caused_by(error, SPOILT):
                self._abort()
            raise
        except ExpectedError as error:
            self._abort()
            raise TransientError(
                f"{self._client.place({})['store']} can't complete an upload of "
                f"{self._archive.key} ({error.code}); it was removed."
            ) from error
        finally:
            self._progress.save()

    def _known_parts(self) -> dict[int, str]:
        """The ETags of the parts that the store has; the upload is begun if there is none."""
        if self._progress.upload_id is None:
            self._begin()
            return {}
        try:
            return {
                number: etag_of(part)
                for number, part in self._listed_parts().items()
                if etag_of(part)
            }
        except ExpectedError as error:
            self._begin_anew(error.code)
        except TransientError as error:
            # After all those repetitions: a store that goes wrong at this request each time.
            if not caused_by(error, _BROKEN):
                raise
            self._begin_anew(error.message)
        except (RefusedError, InvalidAnswerError) as error:
            self._begin_anew(error.message)
        return {}

    def _begin_anew(self, reason: str) -> None:
        """Begin another upload, then remove the one that nobody can go on with."""
        _log.info("The upload of %s begins anew: %s", self._archive.key, reason)
        dead = self._upload
        self._begin()
        self._remove(dead)

    def _begin(self) -> None:
        part_size = PartSizes.planned(self._archive.size, self._settings.part_size).each
        answer = self._client.call(
            "create_multipart_upload",
            options={"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"},
            Key=self._key,
            **self._parameters,
            **self._objects.customer_key,
        )
        if not answer.get("UploadId"):
            raise InvalidAnswerError(
                f"{self._client.place({})['store']} began an upload of {self._archive.key} "
                "and gave it no id."
            )
        # A store that computes the checksum says so; others ignore the wish.
        whole = answer.get("ChecksumAlgorithm") == "CRC32" and answer.get("ChecksumType") in {
            None,
            "FULL_OBJECT",
        }
        self._progress.begin(str(answer["UploadId"]), part_size, whole_checksum=whole)

    def _listed_parts(self) -> dict[int, dict[str, Any]]:
        """What the store says of the parts that it has, whole ones only, by number.

        Raises:
            ExpectedError: It does not know the upload, or does not list parts.
        """
        sizes = PartSizes(self._archive.size, self._progress.part_size)
        found: dict[int, dict[str, Any]] = {}
        last = 0
        while True:
            marker: dict[str, Any] = {"PartNumberMarker": last} if last else {}
            answer = self._client.call("list_parts", expect=_UNLISTED, **self._upload, **marker)
            before = last
            for part in answer.get("Parts", ()):
                number = size_of(part, "PartNumber") or 0
                last = max(last, number)
                if 1 <= number <= sizes.count and size_of(part) == sizes.length(number):
                    found[number] = part
            if not answer.get("IsTruncated") or last == before:
                return found

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
        try:
            return self._completed(parts)
        except ExpectedError as error:
            # What the store called a part stood in a header field, which a proxy may have changed.
            named = self._as_listed(parts) if error.code == "InvalidPart" else parts
            if named == parts:
                raise
            return self._completed(named)

    def _as_listed(self, parts: list[SentPart]) -> list[SentPart]:
        """The parts with the ETags that the store lists."""
        listed: dict[int, dict[str, Any]] = {}
        with suppress(ExpectedError, RefusedError):
            listed = self._listed_parts()
        return [
            replace(each, etag=etag_of(listed.get(each.number, {})) or each.etag) for each in parts
        ]

    def _completed(self, parts: list[SentPart]) -> Answer:
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
        return self._client.call(
            "complete_multipart_upload",
            expect=SPOILT,
            options={"IfNoneMatch": "*"},
            MultipartUpload={"Parts": listed},
            **self._upload,
            **self._whole(),
        )

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
        """Remove what has arrived."""
        upload = self._upload
        self._progress.clear()
        self._remove(upload)

    def _remove(self, upload: dict[str, Any]) -> None:
        """Remove an upload; if that fails, it is a stray for later."""
        try:
            with suppress(ExpectedError):
                self._client.call("abort_multipart_upload", expect=_UNLISTED, **upload)
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
