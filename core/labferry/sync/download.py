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
    FullError,
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
        judge: Called when all that was declared agrees, to look inside before the readers finish;
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
        before, known_fault = archive.received, ""
        try:
            declared = archive.declared.size
            if not declared or archive.received < declared:
                known_fault = self._receive(job, archive)
            digests = archive.check()
            known_fault = ""
            return self.judge(archive, digests)
        except FullError:
            if archive.declared.size is None:
                # It may never end. What is here would fill the disk until the next run, and then.
                archive.restart()
            raise
        except IntegrityError as error:
            archive.restart()
            return Corrupted(" ".join(filter(None, (str(error), known_fault))))
        except (NotFoundError, RefusedError, InvalidAnswerError) as error:
            return Gone(str(error))
        except TransientError as error:
            progressed = archive.received > before
            return Unreachable(str(error), error.retry_after or 0.0, progressed=progressed)

    def _receive(self, job: ExportJob, archive: SpoolArchive) -> str:
        """Write what comes, and return what is known of faults on the way."""
        link = (job.offer.link if job.offer else None) or ""
        with self.source.download(
            link, self.lane, offset=_offset(job, archive), validator=job.validator
        ) as download:
            _require_size(download, archive)
            if download.validator != job.validator:
                self.note(Downloading(download.validator))
            self._write(download, archive)
            return download.known_fault

    def _write(self, download: Download, archive: SpoolArchive) -> None:
        offset = download.offset
        for chunk in download.chunks:
            self.received(archive)
            if not archive.write(offset, chunk):
                raise IntegrityError("The file at the server has changed since.")
            offset += len(chunk)
        size = archive.declared.size
        size = download.total if size is None else size
        if size is not None and offset < size:
            raise TransientError(f"The answer ended after {offset} of {size} bytes.")
        if size not in {None, offset} or offset < archive.received:
            raise IntegrityError("The file at the server has changed since.")


def _offset(job: ExportJob, archive: SpoolArchive) -> int:
    """From where on to download.

    Without a digest to compare with in the end, halves of two archives must never meet: what is
    here counts only if the server can say that it is still the same file. Without a size, the last
    byte that is here is asked for again, as nobody knows whether more follow.
    """
    if job.validator is None and not archive.declared.has_digest:
        return 0
    return archive.received if archive.declared.size is not None else max(0, archive.received - 1)


def _require_size(download: Download, archive: SpoolArchive) -> None:
    declared = archive.declared.size
    if declared is not None and download.total not in {None, declared}:
        raise IntegrityError(
            f"The server offers a file of {download.total} bytes, "
            f"but declared the archive to have {declared}."
        )
