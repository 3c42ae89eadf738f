"""How far an upload is, kept in the checkpoint so that a later run can go on."""

import json
import time
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from labferry.sdk import Archive, Checkpoint
from labferry_s3.digests import PartDigest
from labferry_s3.part_sizes import PartSizes

_SECONDS_BETWEEN_SAVES = 1.0


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that the store has.

    Attributes:
        number: Which one.
        size: Its size in bytes.
        etag: The ETag that the store gave it, without quotes.
        crc32: The CRC-32 of the bytes that were sent.
        plain: Whether the ETag is the MD5 of the bytes that were sent.
    """

    number: int
    size: int
    etag: str
    crc32: int
    plain: bool

    @classmethod
    def of(cls, number: int, digest: PartDigest, etag: str) -> Self:
        """A part that was sent just now, or has the same bytes as one that was.

        Args:
            number: Which one.
            digest: Of the bytes that were sent.
            etag: What the store called it; empty if it did not say, and then it is taken for the
                MD5 that it usually is.
        """
        is_plain = etag == digest.etag
        return cls(number, digest.size, etag or digest.etag, digest.crc32, is_plain)


class _Note(BaseModel):
    """What the checkpoint holds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    upload_id: str
    key: str
    size: int
    crc32: int
    part_size: int
    whole_checksum: bool
    parts: dict[str, tuple[str, int, bool]] = {}


class Progress:
    """The note about one upload.

    Args:
        checkpoint: Where it is kept.
        archive: What is uploaded.
        key: Where to, prefix and all.
    """

    def __init__(self, checkpoint: Checkpoint, archive: Archive, key: str) -> None:
        self._checkpoint = checkpoint
        self._archive = archive
        self._key = key
        self._saved_at = 0.0
        self._note = self._load()

    @property
    def upload_id(self) -> str | None:
        """The upload that can be resumed; None where there is none."""
        return self._note.upload_id if self._note else None

    @property
    def part_size(self) -> int:
        """The size of its parts."""
        return self._begun.part_size

    @property
    def whole_checksum(self) -> bool:
        """Whether the store computes the whole object's CRC-32 in the end."""
        return self._begun.whole_checksum

    @property
    def parts(self) -> dict[int, SentPart]:
        """The parts that were sent, by number."""
        sizes = PartSizes(self._archive.size, self.part_size)
        return {
            int(number): SentPart(int(number), sizes.length(int(number)), etag, crc32, plain)
            for number, (etag, crc32, plain) in self._begun.parts.items()
        }

    def begin(self, upload_id: str, part_size: int, *, whole_checksum: bool) -> None:
        """Note a new upload."""
        self._note = _Note(
            upload_id=upload_id,
            key=self._key,
            size=self._archive.size,
            crc32=self._archive.crc32,
            part_size=part_size,
            whole_checksum=whole_checksum,
        )
        self.save()

    def add(self, part: SentPart) -> None:
        """Note a part.

        What was added in the last second may be lost in a crash; it is then compared with what
        the store has.
        """
        self._begun.parts[str(part.number)] = (part.etag, part.crc32, part.plain)
        if time.monotonic() - self._saved_at > _SECONDS_BETWEEN_SAVES:
            self.save()

    def save(self) -> None:
        """Write the note to the disk."""
        self._checkpoint.save(self._note.model_dump(mode="json") if self._note else {})
        self._saved_at = time.monotonic()

    def clear(self) -> None:
        """Forget the upload."""
        if self._note is not None:
            self._note = None
            self.save()

    @property
    def _begun(self) -> _Note:
        if self._note is None:
            raise RuntimeError("No upload was begun.")
        return self._note

    def _load(self) -> _Note | None:
        try:
            note = _Note.model_validate_json(json.dumps(self._checkpoint.load()))
        except ValidationError:
            return None
        wanted = (self._key, self._archive.size, self._archive.crc32)
        return note if (note.key, note.size, note.crc32) == wanted else None
