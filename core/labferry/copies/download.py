"""Bringing one copy here: read, decrypted, verified as it streams, resumed where it was left."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from labferry.copies.partial_file import PartialFile
from labferry.copies.plain import Readable, identities_for, plain_manifest, plain_stream
from labferry.copies.query import open_sink
from labferry.copies.reader import CopyReader
from labferry.copies.select import ListedCopy
from labferry.runtime.progress import Activity, ActivityKind, Progress
from labferry.runtime.stop import Stop
from labferry.sdk import IntegrityError, Manifest, Secret, Sink, StoredArchive

_log = logging.getLogger(__name__)
_CHUNK = 1 << 20
_SECONDS_BETWEEN_NEWS = 10.0


def fetch(
    copy: ListedCopy,
    landing: PartialFile,
    identities: Sequence[Secret],
    stop: Stop,
    progress: Progress,
) -> Manifest:
    """Bring a copy into a partial file, whole and verified.

    Goes on with what is in the file. Where the whole then turns out to be wrong, that may be the
    fault of what was there already, so all of it is read once more.

    Args:
        copy: The copy.
        landing: The file.
        identities: The private keys to decrypt with; the destination's where there are none.
        stop: Ends the reading.
        progress: Shows how far it is.

    Returns:
        The manifest of what is in the file: the sealed one, where the copy is encrypted.

    Raises:
        IntegrityError: The copy is damaged.
        FullError: There is not enough space; `landing.error` is set.
        LabferryError: The copy can't be read.
        StoppedError: A signal came.
    """
    stored = copy.stored
    _check_size(stored)
    keys = identities_for(copy.config, identities)
    manifest = plain_manifest(stored, keys)
    if stored.manifest.encryption is not None:
        landing.restart()
    landing.reserve(manifest.size)
    with open_sink(copy.config) as sink:
        fetcher = _Fetcher(sink, stored, manifest, keys, stop, progress)
        try:
            fetcher.fetch(landing)
        except IntegrityError:
            if not fetcher.resumed:
                raise
            _log.info("%s: reading all of %s once more", copy.config.name, stored.key)
            landing.restart()
            fetcher.fetch(landing)
    return manifest


def _check_size(stored: StoredArchive) -> None:
    if stored.size != stored.manifest.size:
        raise IntegrityError(
            f"The copy of {stored.manifest.archive_id} is damaged: {stored.key} has {stored.size} "
            f"instead of the {stored.manifest.size} bytes of its manifest."
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

    def fetch(self, landing: PartialFile) -> None:
        """Read the rest of it, and make sure of the whole."""
        digest = landing.resume(self._manifest.size, self._stop)
        self.resumed = landing.size
        if self.resumed:
            _log.info("%s: going on at byte %d", self._stored.key, self.resumed)
        with (
            self._shown() as reached,
            CopyReader(
                *(self._sink, self._stored, self._stop, self.resumed, digest, reached)
            ) as reader,
            plain_stream(self._stored, reader, self._identities) as plain,
        ):
            self._pour(plain, landing)
            while reader.read(_CHUNK):
                pass  # an encrypted file can have more behind its end
            reader.check()

    @contextmanager
    def _shown(self) -> Iterator[Callable[[int], None]]:
        subject = f"{self._sink.name}: {self._manifest.archive_id}"
        activity = Activity(ActivityKind.DOWNLOAD, subject, self._stored.size, self.resumed)
        with self._progress.showing(activity):
            yield activity.reach

    def _pour(self, plain: Readable, landing: PartialFile) -> None:
        is_encrypted = self._stored.manifest.encryption is not None
        digest, told_at = hashlib.sha256(), time.monotonic()
        while chunk := plain.read(_CHUNK):
            landing.write(chunk)
            if is_encrypted:  # else the reader computes the same
                digest.update(chunk)
            if time.monotonic() - told_at > _SECONDS_BETWEEN_NEWS:
                told_at = time.monotonic()
                _log.info("%s: %d of %d bytes", *self._so_far(landing))
        if is_encrypted:
            self._check_plain(landing.size, digest.hexdigest())

    def _so_far(self, landing: PartialFile) -> tuple[str, int, int]:
        return self._manifest.archive_id, landing.size, self._manifest.size

    def _check_plain(self, size: int, sha256: str) -> None:
        if (size, sha256) != (self._manifest.size, self._manifest.sha256):
            raise IntegrityError(
                f"{self._stored.key} does not decrypt to the archive that its sealed manifest "
                "tells of."
            )
