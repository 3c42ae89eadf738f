"""Opening a stored archive: every byte compared, and every member of the zip file read."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from labferry.copies.extract_zip import ZipContents
from labferry.copies.partial_file import disk_errors, require_space
from labferry.copies.plain import plain_manifest, plain_stream
from labferry.copies.reader import CopyReader
from labferry.runtime.stop import Stop
from labferry.sdk import IntegrityError, Manifest, Secret, Sink, StoredArchive

_CHUNK = 1 << 20
_ZIP = ".zip"


def read_contents(
    sink: Sink[Any],
    stored: StoredArchive,
    identities: Sequence[Secret],
    folder: Path,
    stop: Stop,
    reached: Callable[[int], object],
) -> None:
    """Read a copy once, compare it with its manifest, decrypt it, and test what is in it.

    The content goes to a file without a name, as large as the archive: nothing of it stays
    behind, however this ends. Memory is bounded.

    Args:
        sink: The destination.
        stored: The copy.
        identities: The private keys to try, where it is encrypted.
        folder: Where to put that file.
        stop: Ends the reading.
        reached: Called with the offset that the reading has come to.

    Raises:
        IntegrityError: The copy is damaged, or what is in it is.
        RefusedError: None of the private keys fits.
        FullError: There is not enough space.
        LabferryError: The copy can't be read.
    """
    manifest = plain_manifest(stored, identities)
    require_space(folder, manifest.size)
    with disk_errors(folder), tempfile.TemporaryFile(dir=folder) as file:
        with CopyReader(sink, stored, stop, reached=reached) as reader:
            with plain_stream(stored, reader, identities) as plain:
                _fill(file, plain, manifest)
            while reader.read(_CHUNK):
                pass
            reader.check()
        if manifest.file.endswith(_ZIP):
            ZipContents(file).test(stop)


def _fill(file: BinaryIO, plain: Any, manifest: Manifest) -> None:  # noqa: ANN401 - any reader
    digest = hashlib.sha256()
    while chunk := plain.read(_CHUNK):
        digest.update(chunk)
        file.write(chunk)
    if digest.hexdigest() != manifest.sha256:
        raise IntegrityError(
            f"The copy of {manifest.archive_id} is damaged: its content has another SHA-256 than "
            "the archive that was stored."
        )
