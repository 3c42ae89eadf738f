"""One archive to try a destination with."""

from collections.abc import Mapping

from labferry.sdk import Checkpoint, Receipt
from labferry.testing.samples import Content, MemoryCheckpoint, SampleArchive, SampleManifest
from labferry_sftp import SftpSettings, SftpSink

SIZE = 300_007


def sample(
    size: int = SIZE,
    job: str = "1",
    arrived: int | None = None,
    error: Exception | None = None,
) -> SampleArchive:
    return SampleArchive(Content(size, job), job=job, arrived=arrived, error=error)


def sink(table: Mapping[str, object], name: str = "scratch") -> SftpSink:
    return SftpSink(name, SftpSettings.model_validate(table))


def store(
    table: Mapping[str, object],
    archive: SampleArchive | None = None,
    checkpoint: Checkpoint | None = None,
) -> Receipt:
    """Store an archive with a new sink."""
    archive = archive or sample()
    made = sink(table)
    try:
        return made.store(archive, SampleManifest(archive), checkpoint or MemoryCheckpoint())
    finally:
        made.close()


def check(table: Mapping[str, object]) -> list[str]:
    """What the preflight says."""
    made = sink(table)
    try:
        return [f"{each.severity} {each.message}" for each in made.check()]
    finally:
        made.close()
