"""The promises of a sink that can be tried at a real destination, through the sink alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labferry.actions.selftest.sandbox import Scratch
from labferry.sdk import (
    ConflictError,
    IntegrityError,
    LabferryError,
    RefusedError,
    Severity,
    TransientError,
    redact,
)
from labferry.testing.samples import MemoryCheckpoint, SampleArchive

_SEVERAL_PIECES = (17 << 20) + 7
_OFFSETS = (1, 65_536, 300_006)


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that every destination has to keep.

    Attributes:
        name: A word for it.
        claim: What is promised, a sentence.
        try_out: Finds out; raises the error that shows the promise broken.
        is_needed: Whether nothing else can be tried where this one is broken.
        stores: Whether an archive is stored to find out.
    """

    name: str
    claim: str
    try_out: Callable[[Scratch], None]
    is_needed: bool = False
    stores: bool = True


def _require(held: object, otherwise: str) -> None:
    if not held:
        raise LabferryError(otherwise)


def _require_content(scratch: Scratch, archive: SampleArchive) -> None:
    if not scratch.holds(archive):
        raise IntegrityError(f"{archive.key} reads as other bytes than were stored.")


def _require_unseen(scratch: Scratch, archive: SampleArchive, when: str) -> None:
    _require(archive.key not in scratch.listed(), f"{archive.key} is listed {when}.")


def _require_gone(scratch: Scratch, archive: SampleArchive, when: str) -> None:
    _require_unseen(scratch, archive, when)
    _require(not scratch.is_there(archive), f"{archive.key} can be read {when}.")


def _preflight(scratch: Scratch) -> None:
    findings = scratch.check()
    _require(findings, "The check reports nothing.")
    errors = [each.message for each in findings if each.severity is Severity.ERROR]
    _require(not errors, " ".join(errors))


def _store(scratch: Scratch) -> None:
    archive = scratch.archive("first")
    receipt = scratch.store(archive)
    returned = (receipt.destination, receipt.archive_id, receipt.key, receipt.size)
    meant = (scratch.config.name, archive.id, archive.key, archive.size)
    _require(returned == meant, f"The receipt is for {returned}, not for {meant}.")


def _read(scratch: Scratch) -> None:
    _require_content(scratch, scratch.archive("first"))


def _offset(scratch: Scratch) -> None:
    archive = scratch.archive("first")
    for offset in _OFFSETS:
        with scratch.sink() as sink, sink.open(scratch.stored(archive), offset) as file:
            data = file.read()
        if data != archive.content.read(offset, archive.size):
            raise IntegrityError(f"From byte {offset} on, {archive.key} reads as other bytes.")


def _list(scratch: Scratch) -> None:
    archive = scratch.archive("first")
    entries = scratch.listed().get(archive.key, [])
    _require(len(entries) == 1, f"{archive.key} is listed {len(entries)} times.")
    stored, meant = entries[0], scratch.stored(archive)
    _require(stored.size == meant.size, f"{archive.key} is listed with {stored.size} bytes.")
    _require(stored.manifest == meant.manifest, f"{archive.key} is listed with another manifest.")


def _again(scratch: Scratch) -> None:
    archive = scratch.archive("first")
    receipt = scratch.store(archive)
    _require(receipt.key == archive.key, f"A second copy was made at {receipt.key}.")
    _list(scratch)
    _require_content(scratch, archive)


def _conflict(scratch: Scratch) -> None:
    first = scratch.archive("first")
    try:
        scratch.store(scratch.archive_at(first.key, "other"))
    except ConflictError:
        _require_content(scratch, first)
        return
    raise LabferryError(f"Another archive was stored at {first.key}, where one was already.")


def _arriving(scratch: Scratch) -> None:
    archive = scratch.archive("arriving", arrived=150_000)
    store = scratch.start_to_store(archive)
    try:
        store.wait_for_reader(archive)
        _require_unseen(scratch, archive, "while it is still arriving")
    finally:
        archive.verify()
        store.result()
    _require(archive.key in scratch.listed(), f"{archive.key} is stored but not listed.")
    _require_content(scratch, archive)


def _refused(scratch: Scratch) -> None:
    refused = IntegrityError("The sample archive is refused, as intended.")
    archive = scratch.archive("refused", arrived=150_000, error=refused)
    _require_failure(scratch, archive, MemoryCheckpoint(), refused)
    _require_gone(scratch, archive, "though it was refused")


def _broken_off(scratch: Scratch) -> None:
    note, lost = MemoryCheckpoint(), TransientError("The download broke off, as intended.")
    archive = scratch.archive("broken-off", _SEVERAL_PIECES, arrived=9 << 20, error=lost)
    _require_failure(scratch, archive, note, lost)
    _require_unseen(scratch, archive, "though its download broke off")
    whole = scratch.archive("broken-off", _SEVERAL_PIECES)
    scratch.store(whole, note)
    _require_content(scratch, whole)


def _require_failure(
    scratch: Scratch, archive: SampleArchive, note: MemoryCheckpoint, meant: LabferryError
) -> None:
    try:
        scratch.store_once(archive, note)
    except type(meant) as error:
        if error is meant:
            return
        raise
    raise LabferryError("A store returned a receipt for an archive that never came to its end.")


def _odd_sizes(scratch: Scratch) -> None:
    for size in (0, 1, _SEVERAL_PIECES):
        archive = scratch.archive(f"of-{size}-bytes", size)
        scratch.store(archive)
        _require_content(scratch, archive)


def _long_name(scratch: Scratch) -> None:
    archive = scratch.archive("A_long.name-" + "n" * 120)
    scratch.store(archive)
    _require(archive.key in scratch.listed(), f"{archive.key} is not listed.")
    _require_content(scratch, archive)


def _two_at_once(scratch: Scratch) -> None:
    archives = [scratch.archive(word, arrived=150_000) for word in ("left", "right")]
    stores = [scratch.start_to_store(archive) for archive in archives]
    for archive, store in zip(archives, stores, strict=True):
        store.wait_for_reader(archive)
    for archive in archives:
        archive.verify()
    for archive, store in zip(archives, stores, strict=True):
        store.result()
        _require_content(scratch, archive)


def _missing(scratch: Scratch) -> None:
    archive = scratch.archive("missing")
    _require(not scratch.is_there(archive), f"{archive.key}, never stored, could be opened.")


def _delete(scratch: Scratch) -> None:
    archive, other = scratch.archive("first"), scratch.archive("neighbour")
    scratch.store(other)
    stored = scratch.listed().get(archive.key) or [scratch.stored(archive)]
    try:
        scratch.delete(*stored)
    except RefusedError:
        _require_content(scratch, archive)  # then it says so, and keeps all of it
        return
    _require_gone(scratch, archive, "after it was deleted")
    scratch.delete(*stored)
    _require_content(scratch, other)


def _close(scratch: Scratch) -> None:
    with scratch.sink() as sink:
        sink.close()


def _secrets(scratch: Scratch) -> None:
    revealing = [text for text in scratch.texts if redact(text) != text]
    _require(
        not revealing,
        f"A secret of the configuration is in this text: {' '.join(revealing[:1])}",
    )


PROMISES: Sequence[Promise] = (
    Promise(
        "preflight",
        "The preflight finds it usable.",
        _preflight,
        is_needed=True,
        stores=False,
    ),
    Promise(
        "store", "An archive can be stored, and the receipt is for it.", _store, is_needed=True
    ),
    Promise("read", "What is read is what was stored.", _read),
    Promise("offset", "Reading can begin in the middle.", _offset),
    Promise("list", "A stored archive is listed once, with its manifest.", _list),
    Promise("again", "Storing it again makes no second copy.", _again),
    Promise("conflict", "Another archive under the same name is refused.", _conflict),
    Promise("arriving", "An archive that is still arriving is not listed.", _arriving),
    Promise(
        "refused", "A refused archive leaves nothing that can be seen.", _refused, stores=False
    ),
    Promise(
        "broken-off", "After a download broke off, the archive can still be stored.", _broken_off
    ),
    Promise("sizes", "Archives of no byte, one byte and many are stored whole.", _odd_sizes),
    Promise("names", "A long name is kept.", _long_name),
    Promise("two", "Two archives can be stored at a time.", _two_at_once),
    Promise("delete", "A delete takes the archive and nothing else, or is refused.", _delete),
    Promise(
        "missing", "Opening a missing archive says that it is missing.", _missing, stores=False
    ),
    Promise("close", "Closing twice does no harm.", _close, stores=False),
    Promise("secrets", "No receipt, finding or error shows a secret.", _secrets, stores=False),
)
"""In the order in which they are tried."""
