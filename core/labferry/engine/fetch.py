"""Brings an archive into the spool, going on where an earlier try stopped."""

from collections.abc import Callable
from typing import Any

from labferry.engine.stop import Stop
from labferry.lifecycle.events import (
    Corrupted,
    Downloaded,
    Downloading,
    Event,
    Gone,
    Unreachable,
)
from labferry.lifecycle.job import ExportJob
from labferry.sdk import (
    Download,
    IntegrityError,
    InvalidAnswerError,
    NotFoundError,
    RefusedError,
    Source,
    TransientError,
)
from labferry.spool import SpoolArchive

__all__ = ["fetch"]


def fetch(
    source: Source[Any],
    lane: str,
    job: ExportJob,
    archive: SpoolArchive,
    *,
    note: Callable[[Downloading], None],
    stop: Stop,
) -> Event:
    """Download what is missing of an archive, and verify it.

    Args:
        source: Where it comes from.
        lane: The lane that its job ran in.
        job: The job that offers it.
        archive: Where it goes.
        note: Called before the first byte is written, to make the validator durable.
        stop: Ends the download between two chunks.

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
            _receive(source, lane, job, archive, note=note, stop=stop)
        return Downloaded(archive.verify())
    except IntegrityError as error:
        archive.restart()
        return Corrupted(str(error))
    except (NotFoundError, RefusedError, InvalidAnswerError) as error:
        return Gone(str(error))
    except TransientError as error:
        progressed = archive.received > before
        return Unreachable(str(error), error.retry_after or 0.0, progressed=progressed)


def _receive(
    source: Source[Any],
    lane: str,
    job: ExportJob,
    archive: SpoolArchive,
    *,
    note: Callable[[Downloading], None],
    stop: Stop,
) -> None:
    link = (job.offer.link if job.offer else None) or ""
    offset, validator = archive.received, job.validator
    with source.download(link, lane, offset=offset, validator=validator) as download:
        _require_size(download, archive)
        if download.validator != validator:
            note(Downloading(download.validator))
        _write(download, archive, stop)


def _require_size(download: Download, archive: SpoolArchive) -> None:
    if download.total is not None and download.total != archive.size:
        raise IntegrityError(
            f"The server offers a file of {download.total} bytes, "
            f"but declared the archive to have {archive.size}."
        )


def _write(download: Download, archive: SpoolArchive, stop: Stop) -> None:
    offset = download.offset
    for chunk in download.chunks:
        stop.check()
        if not archive.write(offset, chunk):
            raise IntegrityError("The file at the server is another one than before.")
        offset += len(chunk)
