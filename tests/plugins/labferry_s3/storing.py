"""Storing samples in a bucket, in few words."""

from collections.abc import Iterator
from typing import Any, Self

from labferry.sdk import Checkpoint, JsonValue, Receipt
from labferry.testing.samples.archive import SampleArchive
from labferry.testing.samples.content import Content
from labferry.testing.samples.documents import MemoryCheckpoint, SampleManifest
from labferry_s3 import S3Settings, S3Sink

from .bucket import PART, Bucket

SEVERAL = 4 * PART + 4
"""The size of an archive of five parts."""


def sample(
    size: int = SEVERAL,
    job: str = "1",
    *,
    seed: str | None = None,
    arrived: int | None = None,
    error: BaseException | None = None,
) -> SampleArchive:
    return SampleArchive(Content(size, seed or job), job=job, arrived=arrived, error=error)


class Storing:
    """One sink over one bucket.

    Attributes:
        note: The checkpoint of all stores that are given no other.
    """

    def __init__(self, bucket: Bucket, settings: dict[str, JsonValue]) -> None:
        self.bucket = bucket
        self.settings = settings
        self.sink = S3Sink("offsite", S3Settings.model_validate(settings))
        self.note = MemoryCheckpoint()

    @classmethod
    def over(cls, bucket: Bucket, **settings: JsonValue) -> Iterator[Self]:
        made = cls(bucket, bucket.settings(**settings))
        yield made
        made.sink.close()

    def set(self, **settings: JsonValue) -> None:
        """Go on with other settings."""
        self.sink.close()
        self.settings |= settings
        self.sink = S3Sink("offsite", S3Settings.model_validate(self.settings))

    def store(self, archive: SampleArchive, note: Checkpoint | None = None) -> Receipt:
        return self.sink.store(archive, SampleManifest(archive), note or self.note)

    def listed(self) -> dict[str, Any]:
        return {stored.key: stored for stored in self.sink.list()}

    def holds(self, archive: SampleArchive) -> bool:
        """Whether the bucket has the archive, whole, its manifest, and nothing else."""
        manifest = SampleManifest(archive)
        return (
            set(self.bucket.names()) == {archive.key, manifest.key}
            and self.bucket.read(archive.key) == archive.content.read(0, archive.size)
            and self.bucket.read(manifest.key) == manifest.seal()
        )
