"""`labferry list`: what is stored, from the destinations alone."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labferry.actions.session import Session, chosen_destinations
from labferry.actions.sources import require_source
from labferry.copies.names import NewestNames
from labferry.copies.query import ask_side_by_side, stored_archives, stray_files
from labferry.copies.select import ListedCopy, copies_of
from labferry.copies.trust import Trust
from labferry.ledger import existing_ledger
from labferry.runtime.stop import Stop
from labferry.sdk import DownloadCheck, LabferryError, Names, Sink, StoredArchive, Stray

_Verified = Mapping[tuple[str, str], datetime | None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """One archive at one destination.

    Attributes:
        archive_id: The archive.
        destination: Where this copy of it is.
        source: The source's name.
        taken: When its export was asked for, UTC: the state of the notebook that it holds.
        size: The size in bytes that the storage reports.
        sha256: The SHA-256 of what is stored, as its manifest has it.
        crc32: Its CRC-32, likewise.
        is_encrypted: Whether it is encrypted; size and digests are those of the encrypted file.
        key: Where it is at the destination.
        last_verified: When this copy was last read back, UTC, where this machine's ledger knows.
        doubt: Why it is not what this machine stored there, as its ledger knows; else empty.
        download_check: How well it could be checked when it came from its server; None where an
            older labferry did not say.
        names: Whose work it holds, by the newest names that are known.
    """

    archive_id: str
    destination: str
    source: str
    taken: datetime
    size: int
    sha256: str
    crc32: str
    is_encrypted: bool
    key: str
    last_verified: datetime | None = None
    doubt: str = ""
    download_check: DownloadCheck | None = None
    names: Names = field(default_factory=Names)


@dataclass(frozen=True, slots=True)
class Listing:
    """What is stored.

    Attributes:
        copies: The archives, the newest last, each at one destination after the other.
        strays: What else there is at each destination, if that was asked for.
        failures: Why a destination could not be asked.
    """

    copies: Sequence[Listed]
    strays: Mapping[str, Sequence[Stray]]
    failures: Mapping[str, LabferryError]


def list_stored(
    session: Session,
    stop: Stop,
    *,
    destination: str | None = None,
    source: str | None = None,
    since: datetime | None = None,
    strays: bool = False,
) -> Listing:
    """List all destinations, side by side.

    Args:
        session: The configuration.
        stop: Ends it early.
        destination: The only one to list.
        source: Only archives of this source.
        since: Only archives that were asked of the server then or later.
        strays: Whether to look for what is no committed archive, too.

    Raises:
        ConfigError: There is no such destination, or nobody knows the source.
        StoppedError: A signal came.
    """
    destinations = chosen_destinations(session.config, destination)

    def look(sink: Sink[Any]) -> tuple[Sequence[StoredArchive], Sequence[Stray]]:
        return stored_archives(sink), [*stray_files(sink)] if strays else []

    answers = ask_side_by_side(destinations, look, stop)
    stored = {name: archives for name, (archives, _) in answers.given.items()}
    everything = copies_of(destinations, stored)
    if source is not None and not answers.failures:
        known = (copy.stored.manifest.source.name for copy in everything)
        require_source(session.config, source, known)
    copies = [
        copy
        for copy in everything
        if (source is None or copy.stored.manifest.source.name == source)
        and (since is None or copy.taken >= since)
    ]
    trust = Trust(session.config, everything)
    names = NewestNames(session.config, everything, trust)
    return Listing(
        _newest_last(copies, _last_verified(session, copies), trust, names),
        {name: found for name, (_, found) in answers.given.items() if found},
        answers.failures,
    )


def _newest_last(
    copies: Iterable[ListedCopy], verified: _Verified, trust: Trust, names: NewestNames
) -> Sequence[Listed]:
    return [
        _listed(copy, verified.get(_place(copy)), trust.doubt(copy), names.of(copy))
        for copy in sorted(copies, key=lambda copy: (copy.taken, copy.archive_id))
    ]


def _last_verified(session: Session, copies: Sequence[ListedCopy]) -> _Verified:
    """When each copy was last read back, as far as there is a ledger that knows."""
    if not copies:
        return {}
    try:
        with existing_ledger(session.config.state_dir) as ledger:
            if ledger is None:
                return {}
            return {place: ledger.copies.verified_at(*place) for place in map(_place, copies)}
    except LabferryError as error:
        _log.info("It is not known when copies were last verified: %s", error)
        return {}


def _place(copy: ListedCopy) -> tuple[str, str]:
    return copy.config.name, copy.archive_id


def _listed(copy: ListedCopy, verified_at: datetime | None, doubt: str, names: Names) -> Listed:
    stored, manifest = copy.stored, copy.stored.manifest
    if doubt:
        _log.warning("%s: %s %s.", copy.config.name, copy.archive_id, doubt)
    return Listed(
        archive_id=copy.archive_id,
        destination=copy.config.name,
        source=manifest.source.name,
        taken=copy.taken,
        size=stored.size,
        sha256=manifest.sha256,
        crc32=manifest.crc32,
        is_encrypted=manifest.encryption is not None,
        key=stored.key,
        last_verified=verified_at,
        doubt=doubt,
        download_check=manifest.download_check,
        names=names,
    )
