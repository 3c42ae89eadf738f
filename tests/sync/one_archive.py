"""A server with one archive that is there at once. Tests derive what goes wrong from it."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from typing_extensions import override

from labferry.sdk import (
    Download,
    ExportRequest,
    Finding,
    JobState,
    JobStatus,
    Offer,
    Source,
    SourceSettings,
)


class OneArchive(Source[SourceSettings]):
    """A source that a test changes by the attributes of its class.

    Attributes:
        content: The archive's bytes.
        crc32: The CRC-32 that the server declares; None for the right one.
        state: How the job stands.
        validator: What says that the archive is still the same one; None for nothing.
    """

    type = "notebook"
    Settings = SourceSettings
    url = "https://eln.example.edu"
    poll_interval = 0.01
    job_timeout = 3600.0
    content = b"\x00\x01\x02\x03" * 25_000
    crc32: int | None = None
    state = JobState.COMPLETED
    validator: str | None = "v1"

    @override
    def lanes(self) -> Sequence[str]:
        return [f"alice@{self.name}"]

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return [ExportRequest("group 23", "group 23", {})]

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        return JobStatus("23", "jobs/23", JobState.RUNNING)

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        crc32 = zlib.crc32(self.content) if self.crc32 is None else self.crc32
        offer = Offer("archives/23", len(self.content), crc32)
        return JobStatus(job, link, self.state, offer=offer)

    @override
    @contextmanager
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        yield Download(offset, len(self.content), self.validator, self.chunks(offset))

    def chunks(self, offset: int) -> Iterator[bytes]:
        """The archive's bytes from an offset on."""
        yield self.content[offset:]

    @override
    def check(self) -> Iterator[Finding]:
        raise NotImplementedError
