"""What the server saw and did, for tests to assert on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labferry.testing.rspace.archives import Archive
from labferry.testing.rspace.planning import ExportRequest


@dataclass
class RecordedRequest:
    """One request as it arrived; ``status`` is None until answered, 0 for a dropped connection.

    Attributes:
        at: Seconds on the server's clock.
        origin: ``api``, or ``s3`` for the host of presigned links.
        kind: What fault plans call it: ``submit``, ``poll``, ``download``, ``whoami`` ...
        headers: Names in lower case.
        user: Whose credentials came along, if anybody's.
    """

    at: float
    origin: str
    kind: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body_size: int
    user: str | None = None
    status: int | None = None

    def carries(self, secret: str) -> bool:
        """Whether a secret is anywhere in the request's line or headers."""
        return any(secret in text for text in (self.path, self.query, *self.headers.values()))


@dataclass(frozen=True)
class RecordedExport:
    """One export that really was started.

    Attributes:
        job_id: None for an Inventory export, which has no job.
        file: The file's name, with its ending.
        records: Ids of the world's records that were asked for, whatever the archive contains.
        archive: The bytes, as a faultless download has them.
        settings: What an Inventory export was asked for with.
    """

    at: float
    job_id: int | None
    user: str
    request: ExportRequest | None
    file: str
    records: tuple[int, ...]
    archive: Archive
    settings: Mapping[str, Any] | None = None

    @property
    def size(self) -> int:
        """The file's size."""
        return self.archive.size

    @property
    def crc32(self) -> int:
        """The file's CRC-32."""
        return self.archive.crc32

    def content(self) -> bytes:
        """All of the bytes; not for big archives."""
        return b"".join(self.archive.chunks(0, self.archive.size))
