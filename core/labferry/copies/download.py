"""Bringing one copy here: read, decrypted, verified as it streams, resumed where it was left."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from labferry.copies.partial_file import PartialFile
from labferry.copies.query import open_sink
from labferry.copies.reader import (
    CopyReader,
    Readable,
    UnreadableCopyError,
    identities_for,
    plain_manifest,
    plain_stream,
)
from labferry.copies.select import ListedCopy
from labferry.runtime.progress import Activity, ActivityKind, Progress
from labferry.runtime.stop import Stop
from labferry.sdk import IntegrityError, Manifest, Secret, Sink, StoredArchive

_log = logging.getLogger(__name__)
_CHUNK = 1 << 20
_SECONDS_BETWEEN_LOGS = 10.0


def fetch(
    copy: ListedCopy,
    partial: PartialFile,
    identities: Sequence[Secret],
    stop: Stop,
    progress: Progress,
) -> Manifest:
    """Bring a copy into a partial file, whole and verified.

    Goes on with what is in the file. If the whole then turns out to be wrong, that may be the fault
    of what was there already, so all of it is read once more.

    Args:
        copy: The copy.
        partial: The file.
        identities: The private keys to decrypt with; the destination's if there are none.
        stop: Ends the reading.
        progress: Shows how far it is.

    Returns:
        The manifest of what is in the file: the sealed one, if the copy is encrypted.

    Raises:
        IntegrityError: The copy is damaged, can't be read, or is gone.
        FullError: There is not enough space; `partial.error` is set.
        LabferryError: The destination can't be asked.
        StoppedError: A signal came.
    """
    stored = copy.stored
    _check_size(stored)
    keys = identities_for(copy.config, identities)
    manifest = plain_manifest(stored, keys)
    if stored.manifest.encryption is not None:
        partial.restart()
    partial.reserve(manifest.size)
    with open_sink(copy.config) as sink:
        fetcher = _Fetcher(sink, stored, manifest, keys, stop, progress)
        try:
            fetcher.fetch(partial)
        except IntegrityError as error:
            if not fetcher.resumed or isinstance(error, UnreadableCopyError):
                raise
            _log.info("%s: reading all of %s once more", copy.config.name, stored.key)
            partial.restart()
            fetcher.fetch(partial)
    return manifest


def _check_size(stored: StoredArchive) -> None:
    if stored.size != stored.manifest.size:
        raise IntegrityError(
            f"{stored.key} is damaged: it has {stored.size} bytes instead of the "
            f"{stored.manifest.size} of its manifest."
        )


class _Fetcher:
    """One copy on its way.

    Attributes:
        resumed: Where it was taken up, in bytes.
    """

    def __init__(
        self,
        sink: Sink[Any],
        stored: StoredArchive,
        manifest: Manifest,
        identities: Sequence[Secret],
        stop: Stop,
        progress: Progress,
    ) -> None:
        self.resumed = 0
        self._sink = sink
        self._stored = stored
        self._manifest = manifest
        self._identities = identities
        self._stop = stop
        self._progress = progress

    def fetch(self, partial: PartialFile) -> None:
        """Read the rest of it, and make sure of the whole."""
        digest = partial.resume(self._manifest.size, self._stop)
        self.resumed = partial.size
        if self.resumed:
            _log.info("%s: continuing at byte %d", self._stored.key, self.resumed)
        with (
            self._shown() as reached,
            CopyReader(
                self._sink,
                self._stored,
                self._stop,
                offset=self.resumed,
                digest=digest,
                reached=reached,
            ) as reader,
            plain_stream(self._stored, reader, self._identities) as plain,
        ):
            self._pour(plain, partial)
            reader.read_rest()  # an encrypted file can have more behind its end

    @contextmanager
    def _shown(self) -> Iterator[Callable[[int], None]]:
        subject = f"{self._sink.name}: {self._manifest.archive_id}"
        activity = Activity(ActivityKind.DOWNLOAD, subject, self._stored.size, self.resumed)
        with self._progress.showing(activity):
            yield activity.reach

    def _pour(self, plain: Readable, partial: PartialFile) -> None:
        is_encrypted = self._stored.manifest.encryption is not None
        digest, logged_at = hashlib.sha256(), time.monotonic()
        while chunk := plain.read(_CHUNK):
            partial.write(chunk)
            if is_encrypted:  # else the reader computes the same
                digest.update(chunk)
            if time.monotonic() - logged_at > _SECONDS_BETWEEN_LOGS:
                logged_at = time.monotonic()
                _log.info(
                    "%s: %d of %d bytes",
                    self._manifest.archive_id,
                    partial.size,
                    self._manifest.size,
                )
        if is_encrypted:
            self._check_plain(partial.size, digest.hexdigest())

    def _check_plain(self, size: int, sha256: str) -> None:
        if (size, sha256) != (self._manifest.size, self._manifest.sha256):
            raise IntegrityError(
                f"{self._stored.key} is damaged: it does not decrypt to the archive of its sealed "
                "manifest."
            )
