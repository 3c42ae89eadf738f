"""How well an archive that has come can be checked, by what was declared and what is inside."""

import gzip
import zlib
from collections.abc import Callable
from typing import BinaryIO

from labferry.sdk import DownloadCheck, IntegrityError, Offer
from labferry.sdk.zips import ZipArchive

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = b"\x1f\x8b"
_ZIP_SUFFIXES = (".zip", ".eln")
_GZIP_SUFFIXES = (".gz", ".tgz")
_CHUNK = 1 << 20


def check_download(
    archive: BinaryIO, offer: Offer, between: Callable[[], object], *, is_known_inside: bool
) -> DownloadCheck:
    """How well an archive could be checked that is all that its server declared.

    If no digest was declared, a zip or gzip file is read to its end, and refused if it is damaged.

    Args:
        archive: The whole archive, seekable.
        offer: What was declared.
        between: Called again and again; what it raises ends the check.
        is_known_inside: Whether its source looked inside, and found nothing wrong.

    Raises:
        IntegrityError: It is damaged.
    """
    if offer.check is DownloadCheck.DECLARED_DIGEST:
        return offer.check
    archive.seek(0)
    begin = archive.read(len(_ZIP[0]))
    archive.seek(0)
    is_sound = True
    if offer.suffix.endswith(_ZIP_SUFFIXES) or begin in _ZIP:
        ZipArchive(archive).test(between)
    elif offer.suffix.endswith(_GZIP_SUFFIXES) or begin.startswith(_GZIP):
        _test_gzip(archive, between)
    else:
        is_sound = is_known_inside
    if offer.check is DownloadCheck.DECLARED_SIZE:
        return offer.check
    return DownloadCheck.SOUND if is_sound else DownloadCheck.NONE


def _test_gzip(archive: BinaryIO, between: Callable[[], object]) -> None:
    try:
        with gzip.GzipFile(fileobj=archive) as unpacked:
            while unpacked.read(_CHUNK):
                between()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IntegrityError(f"This gzip file is damaged: {error}.") from None
