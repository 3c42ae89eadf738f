"""A source that keeps every promise, over a server that is an object in this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Literal
from zlib import crc32

from typing_extensions import override

from labferry.sdk import (
    Download,
    ExportRequest,
    Finding,
    JobState,
    JobStatus,
    NotFoundError,
    Offer,
    RefusedError,
    Secret,
    Severity,
    Source,
    SourceSettings,
)

KEY = "n0tebook-s3cr3t"
ARCHIVE = bytes(range(256)) * 40
ETAG = '"f00d"'


@dataclass
class NotebookServer:
    """Keeps jobs; each is asked for once while it runs."""

    running: ClassVar[dict[str, "NotebookServer"]] = {}

    url: str
    jobs: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def begin(self, series: str) -> str:
        """Begin an export."""
        self.jobs.append(series)
        return str(len(self.jobs))


class NotebookSettings(SourceSettings):
    """The keys of a source of type `notebook`."""

    type: Literal["notebook"]
    """Which kind of source this is."""

    url: str
    """The server's address."""

    key: Secret
    """The key of the account."""


class NotebookSource(Source[NotebookSettings]):
    """Exports of two notebooks."""

    type = "notebook"
    Settings = NotebookSettings
    poll_interval = 0.01
    job_timeout = 10.0

    @property
    @override
    def url(self) -> str:
        return self.settings.url

    @property
    def server(self) -> NotebookServer:
        """The server, if the key is right."""
        if self.settings.key.reveal() != KEY:
            raise RefusedError(f"{self.url} does not accept the key of {self.name}.")
        return NotebookServer.running[self.url]

    @override
    def lanes(self) -> Sequence[str]:
        return [f"alice@{self.server.url}"]

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return [ExportRequest(f"notebook {n}", f"Notebook {n}", {"id": n}) for n in (1, 2)]

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        job = self.server.begin(request.series)
        return JobStatus(job, f"jobs/{job}", JobState.RUNNING)

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        if not 0 < int(job) <= len(self.server.jobs):
            raise NotFoundError(f"{self.url} has no job {job}.")
        if job not in self.server.asked:
            self.server.asked.add(job)
            return JobStatus(job, link, JobState.RUNNING, percent=50.0)
        offer = Offer(f"files/{job}.zip", len(ARCHIVE), crc32(ARCHIVE))
        return JobStatus(job, link, JobState.COMPLETED, percent=100.0, offer=offer)

    @contextmanager
    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        self.find(link)
        begin = offset if validator == ETAG else 0
        yield Download(begin, len(ARCHIVE), ETAG, iter([ARCHIVE[begin:]]))

    def find(self, link: str) -> None:
        """Make sure that the server has an archive."""
        if int(link.removeprefix("files/").removesuffix(".zip")) > len(self.server.jobs):
            raise NotFoundError(f"{self.url} has no {link}.")

    @override
    def check(self) -> Iterator[Finding]:
        yield Finding(Severity.OK, f"{self.server.url} answers.")
