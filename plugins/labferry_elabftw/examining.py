"""Looking inside an archive before any destination has it."""

import hashlib
import io
import json
import re
from collections.abc import Iterable
from typing import BinaryIO

from labferry.sdk import Contents, IntegrityError
from labferry.sdk.quantities import MIB
from labferry.sdk.zips import Crate, ZipArchive, ZipMember, show_name
from labferry_elabftw.fingerprint import fingerprint
from labferry_elabftw.order import Order

_LARGEST = 64 * MIB
_TAIL = 2048
_SLASHES = re.compile("/+")
_INCOMPLETE = (
    "This happens if eLabFTW can't read a file on its disk. labferry stores the archive. Find out "
    "what happened to the file on the server."
)


def examine(archive: BinaryIO, order: Order, *, verify: bool) -> Contents:
    """Look inside an archive.

    Args:
        archive: The whole archive.
        order: What was asked for.
        verify: Whether to read the members too, and not the directory alone.

    Raises:
        IntegrityError: It is damaged inside, or no archive of what was asked for.
    """
    match order.format:
        case "eln":
            return _examine_crate(ZipArchive(archive), verify=verify)
        case "zip":
            return _examine_zip(ZipArchive(archive), order, verify=verify)
        case "json":
            return _examine_json(archive)
    return _examine_pdf(archive)


def _examine_crate(contents: ZipArchive, *, verify: bool) -> Contents:
    crate = Crate(contents)
    if not verify:
        return Contents(len(contents.files), None)
    report = crate.test()
    if report.problem:
        # Without a fingerprint it equals no other: each time it is stored, and reported.
        return Contents(
            report.files, None, f"The archive is not complete. {report.problem} {_INCOMPLETE}"
        )
    return Contents(report.files, fingerprint(crate))


def _examine_zip(contents: ZipArchive, order: Order, *, verify: bool) -> Contents:
    """The PDFs in it are other ones each time, so nothing can be said of changes."""
    if verify:
        contents.test()
    lacking = [*_without(contents.files, ".pdf")]
    if "json" in order.more:
        lacking += _without(contents.files, ".json")
    if not lacking:
        return Contents(len(contents.files), None)
    return Contents(
        len(contents.files),
        None,
        f"The archive is not complete: the PDF or JSON file of {len(lacking)} entries is missing, "
        f"for example in {show_name(lacking[0])}. {_INCOMPLETE}",
    )


def _without(files: Iterable[ZipMember], ending: str) -> list[str]:
    """The folders of entries in which no file has this ending."""
    endings: dict[str, bool] = {}
    for member in files:
        folder, _, name = _SLASHES.sub("/", member.name).rpartition("/")
        endings[folder] = endings.get(folder, False) or name.lower().endswith(ending)
    return [folder for folder, has_it in endings.items() if not has_it]


def _examine_json(file: BinaryIO) -> Contents:
    if file.seek(0, io.SEEK_END) > _LARGEST:
        return Contents(1, None)
    file.seek(0)
    try:
        entries = json.loads(file.read())
    except (ValueError, RecursionError):
        raise IntegrityError("The export is not JSON.") from None
    if not isinstance(entries, list):
        raise IntegrityError("The export is JSON, but not a list of entries.")
    texts = sorted(json.dumps(entry, sort_keys=True) for entry in entries)
    return Contents(len(entries), hashlib.sha256(json.dumps(texts).encode()).hexdigest())


def _examine_pdf(file: BinaryIO) -> Contents:
    """It has a date of its own each time, so nothing can be said of changes."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(5)
    file.seek(max(0, size - _TAIL))
    if head != b"%PDF-" or b"%%EOF" not in file.read():
        raise IntegrityError("The export is not a complete PDF document.")
    return Contents(1, None)
