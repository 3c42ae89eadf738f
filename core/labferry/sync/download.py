"""Brings an archive into the spool, going on where an earlier try stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labferry.lifecycle.events import (
    Corrupted,
    Downloading,
    Event,
    Gone,
    Unreachable,
)
from labferry.lifecycle.job import ExportJob
from labferry.sdk import (
    Digests,
    Download,
    IntegrityError,
    InvalidAnswerError,
    NotFoundError,
    RefusedError,
    Source,
    TransientError,
)
from labferry.spool import SpoolArchive


@dataclass(frozen=True, slots=True)
class Fetch:
    """Downloads in one lane.

    Attributes:
        source: Where archives come from.
        lane: The lane that their jobs ran in.
        note: Called before the first byte is written, to make the validator durable.
        judge: Called when size and checksum agree, to look inside before the readers may finish;
            may raise IntegrityError.
        received: Called with each chunk that came, before it is written; may raise StoppedError.
    """

    source: Source[Any]
    lane: str
    note: Callable[[Downloading], None]
    judge: Callable[[SpoolArchive, Digests], Event]
    received: Callable[[SpoolArchive], None]

    def __call__(self, job: ExportJob, archive: SpoolArchive) -> Event:
        """Download what is missing of the archive that a job offers, and verify it.

        Returns:
            What happened, for the lifecycle.

        Raises:
            StoppedError: The run is being stopped.
            FullError: The spool has no space left.
            StateError: The spool can't be used.
        """
        before = archive.received
        try:
            if archive.received < archive.size or archive.size == 0:
                self._receive(job, archive)
            return self.judge(archive, archive.check())
        except IntegrityError as error:
            archive.restart()
            return Corrupted(str(error))
        except (NotFoundError, RefusedError, InvalidAnswerError) as error:
            return Gone(str(error))
        except TransientError as error:
            progressed = archive.received > before
            return Unreachable(str(error), error.retry_after or 0.0, progressed=progressed)

    def _receive(self, job: ExportJob, archive: SpoolArchive) -> None:
        link = (job.offer.link if job.offer else None) or ""
        with self.source.download(
            link, self.lane, offset=archive.received, validator=job.validator
        ) as download:
            _require_size(download, archive)
            if download.validator != job.validator:
                self.note(Downloading(download.validator))
            self._write(download, archive)

    def _write(self, download: Download, archive: SpoolArchive) -> None:
        offset = download.offset
        for chunk in download.chunks:
            self.received(archive)
            if not archive.write(offset, chunk):
                raise IntegrityError("The file at the server has changed since.")
            offset += len(chunk)
        if archive.received < archive.size:
            raise TransientError(
                f"The answer ended after {archive.received} of {archive.size} bytes."
            )


def _require_size(download: Download, archive: SpoolArchive) -> None:
    if download.total is not None and download.total != archive.size:
        raise IntegrityError(
            f"The server offers a file of {download.total} bytes, "
            f"but declared the archive to have {archive.size}."
        )
