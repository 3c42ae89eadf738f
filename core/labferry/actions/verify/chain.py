"""The chain of a destination's manifests: has anything been removed, replaced or edited?

Each manifest names the SHA-256 of the one that was committed before it. With the ledger, which
knows all of them and what retention removed, this shows all of it; from the manifests alone,
only that something is missing which a later manifest names.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from labferry.ledger import Copy
from labferry.sdk import Manifest, StoredArchive


class BreakKind(StrEnum):
    """What is wrong with an entry."""

    GONE = "gone"
    """It is not there, and retention did not remove it."""

    AWAY = "away"
    """It is not there, as another medium is there than the one that it was stored on."""

    EDITED = "edited"
    """Its manifest is not the one that was stored."""

    RETURNED = "returned"
    """Retention removed it, and it is there all the same."""

    UNKNOWN = "unknown"
    """The ledger never heard of it."""

    DOUBLE = "double"
    """It has the id of another archive, and the ledger knows only that one, or neither."""


@dataclass(frozen=True, slots=True)
class Break:
    """One entry that is not as the ledger knows it.

    Attributes:
        archive_id: The archive.
        key: Where it is, or was.
        kind: What is wrong.
    """

    archive_id: str
    key: str
    kind: BreakKind


def manifest_digest(manifest: Manifest) -> str:
    """What the chain knows a manifest by: the SHA-256 of the document as it is written."""
    return hashlib.sha256(manifest.to_json()).hexdigest()


def compare(copies: Iterable[Copy], listed: Iterable[StoredArchive]) -> Iterator[Break]:
    """Compare what a destination lists with what the ledger knows of it.

    An id can be listed under several keys. At most one of them is what was stored.

    Args:
        copies: All that was ever committed there, what retention removed too.
        listed: All that is there.
    """
    there: dict[str, dict[str, Manifest]] = {}
    for stored in listed:
        there.setdefault(stored.manifest.archive_id, {})[stored.key] = stored.manifest
    for copy in copies:
        found = there.pop(copy.archive_id, {})
        kind = _judge(copy, found.pop(copy.key, None))
        if kind is not None:
            yield Break(copy.archive_id, copy.key, kind)
        yield from (Break(copy.archive_id, key, BreakKind.DOUBLE) for key in sorted(found))
    for archive_id, found in sorted(there.items()):
        kind = BreakKind.UNKNOWN if len(found) == 1 else BreakKind.DOUBLE
        yield from (Break(archive_id, key, kind) for key in sorted(found))


def doubles(listed: Iterable[StoredArchive]) -> Iterator[Break]:
    """What can be told without a ledger: the archives that share an id."""
    return (each for each in compare([], listed) if each.kind is BreakKind.DOUBLE)


def broken_links(manifests: Sequence[Manifest]) -> Sequence[Manifest]:
    """The manifests that name one before them which is not there, as it was, any more."""
    there = {manifest_digest(manifest) for manifest in manifests}
    return [each for each in manifests if each.previous is not None and each.previous not in there]


def _judge(copy: Copy, manifest: Manifest | None) -> BreakKind | None:
    if manifest is None:
        if copy.away_since is not None and copy.removing_at is None:
            return BreakKind.AWAY
        return BreakKind.GONE if copy.is_present else None
    if copy.removed_at is not None:
        return BreakKind.RETURNED
    same = (copy.size, copy.sha256) == (manifest.size, manifest.sha256)
    if not same or copy.manifest not in {None, manifest_digest(manifest)}:
        return BreakKind.EDITED
    return None
