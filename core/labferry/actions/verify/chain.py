"""The chain of a destination's manifests: has anything been removed, replaced or edited?

Each manifest names the SHA-256 of the one that was committed before it. With the ledger, which
knows all of them and what retention removed, this shows all of it; from the manifests alone,
only that something is missing which a later manifest names.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from labferry.ledger import Copy
from labferry.sdk import Manifest


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


def compare(copies: Iterable[Copy], listed: Mapping[str, Manifest]) -> Iterator[Break]:
    """Compare what a destination lists with what the ledger knows of it.

    Args:
        copies: All that was ever committed there, what retention removed too.
        listed: The manifests that are there, by archive.
    """
    known = set()
    for copy in copies:
        known.add(copy.archive_id)
        manifest = listed.get(copy.archive_id)
        kind = _judge(copy, manifest)
        if kind is not None:
            yield Break(copy.archive_id, copy.key, kind)
    for archive_id in sorted(listed.keys() - known):
        yield Break(archive_id, listed[archive_id].file, BreakKind.UNKNOWN)


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
    if copy.manifest is not None and copy.manifest != manifest_digest(manifest):
        return BreakKind.EDITED
    return None
