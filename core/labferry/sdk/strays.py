"""What at a destination is no committed archive: the same distinctions for every sink."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from labferry.sdk.errors import LabferryError
from labferry.sdk.keys import MARKER_KEY
from labferry.sdk.manifest import MANIFEST_SUFFIX
from labferry.sdk.sink import Stray, StrayKind

__all__ = ["Found", "changed_at", "is_system_name", "require_unfinished", "strays_among"]

# Snapshots, recycle bins, thumbnails and indexes, leftovers of file servers.
_SYSTEM = re.compile(
    r"\.snapshots?|~snapshot|#snapshot|\.zfs|\.ckpt|@recently-snapshot"
    r"|[.#@]recycle|\$recycle\.bin|\.trash|\.trashes|\.trash-\d+|lost\+found"
    r"|\._.*|@eadir|@tmp|@sharebin|\.?@__thumb|@upload_cache|thumbs\.db|desktop\.ini"
    r"|\.ds_store|\.appledouble|\.appledb|\.apdisk|\.temporaryitems|\.spotlight-v100|\.fseventsd"
    r"|system volume information|\.nfs[0-9a-f]{8,}|\.fuse_hidden[0-9a-f]+|\.smbdelete.*",
    re.IGNORECASE,
)

# What `archive_id` makes.
_ARCHIVE = re.compile(r"\d{8}T\d{6}Z-.+")


@dataclass(frozen=True, slots=True)
class Found:
    """A file, folder or object that a storage holds.

    Attributes:
        key: Its name below the destination's prefix or path.
        size: Its size in bytes, where the storage tells.
        since: When it last changed, UTC, where the storage tells.
        is_file: Whether it is a file or an object. A link, FIFO or device is none of labferry's,
            and to open one can take for ever.
    """

    key: str
    size: int | None = None
    since: datetime | None = None
    is_file: bool = True


def changed_at(when: datetime | float | None) -> datetime | None:
    """The `since` of something, from what its storage says; None for what is no time.

    Some file systems and servers take and give any number.

    Args:
        when: A moment, of UTC if it has no time zone, or seconds since 1970.
    """
    try:
        if when is None or isinstance(when, datetime):
            return when and (when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC))
        return datetime.fromtimestamp(when, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def is_system_name(name: str) -> bool:
    """Whether a file or folder is one that a NAS or an operating system puts everywhere.

    Snapshots, recycle bins, thumbnails and the like: nobody left them there, and nothing in them
    is an archive.

    Args:
        name: The name, without folders.
    """
    return _SYSTEM.fullmatch(name) is not None


def strays_among(
    found: Iterable[Found], committed: Collection[str], unfinished: re.Pattern[str]
) -> Iterator[Stray]:
    """Those that are no committed archive, no manifest of one, no marker, no `is_system_name`.

    List the committed archives last: what is committed meanwhile is then no stray.

    Args:
        found: All that the storage holds.
        committed: The keys of the committed archives.
        unfinished: What the names of files that are still being written look like, without
            their folders. No archive's name may look like that.
    """
    everything = {each.key: each for each in found}
    for key, each in sorted(everything.items()):
        if not {key, key.removesuffix(MANIFEST_SUFFIX)}.isdisjoint(committed):
            continue
        if key == MARKER_KEY or any(map(is_system_name, key.split("/"))):
            continue
        kind = _kind(key, everything, unfinished)
        if kind is StrayKind.UNFINISHED and not each.is_file:
            # A FIFO or a folder that only has such a name was not left by labferry.
            kind = StrayKind.FOREIGN
        yield Stray(kind, key, each.size, each.since)


def require_unfinished(stray: Stray, unfinished: re.Pattern[str]) -> None:
    """Make sure that a stray may be removed.

    Args:
        stray: What is to be removed.
        unfinished: As for `strays_among`.

    Raises:
        LabferryError: It is an archive, a manifest or not labferry's.
    """
    name = stray.key.rpartition("/")[2]
    if stray.kind is not StrayKind.UNFINISHED or not unfinished.fullmatch(name):
        raise LabferryError(
            f"{stray.key} was not removed: it is nothing that labferry left unfinished.",
            hint="Remove it by hand if it is not needed.",
        )


def _kind(key: str, everything: Collection[str], unfinished: re.Pattern[str]) -> StrayKind:
    name = key.rpartition("/")[2]
    if unfinished.fullmatch(name):
        return StrayKind.UNFINISHED
    if not _ARCHIVE.fullmatch(name):
        return StrayKind.FOREIGN
    if not name.endswith(MANIFEST_SUFFIX):
        return StrayKind.ARCHIVE
    alone = key.removesuffix(MANIFEST_SUFFIX) not in everything
    return StrayKind.MANIFEST if alone else StrayKind.INVALID
