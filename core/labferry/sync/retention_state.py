"""What the ledger knows of one destination's archives, as retention has to know it."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from labferry.ledger import DeliveryState, Export, Ledger
from labferry.lifecycle import Phase
from labferry.retention import Condition, Series, series_of
from labferry.sdk import LabferryError, StoredArchive
from labferry.sdk.secrets import redact_stored

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = timedelta(days=45)
"""Between two runs. A backup that rests for longer is rarer than a clock that is wrong."""
_EVERY = ""
"""No series has this name."""


class RetentionState:
    """One destination's past.

    Args:
        ledger: The ledger; of what it knows nothing, nothing stands in the way.
        destination: The destination's name.
    """

    def __init__(self, ledger: Ledger, destination: str) -> None:
        self._ledger = ledger
        self._destination = destination
        self._copies = {copy.archive_id: copy for copy in ledger.copies.at(destination)}
        self._has_learnt = ledger.copies.has_learnt(destination)

    def learn(self, listed: Iterable[StoredArchive], now: datetime) -> None:
        """Learn all that the destination holds, at the first look at it."""
        count = self._ledger.copies.learn(self._destination, listed, now)
        self._has_learnt = True
        if count:
            _log.info("%s: %d archives were new to this machine's ledger", self._destination, count)
            self._copies = {
                each.archive_id: each for each in self._ledger.copies.at(self._destination)
            }

    def knows(self, stored: StoredArchive) -> bool:
        """Whether an archive is one that was stored from here, or was there at the first look."""
        if not self._has_learnt:
            return True  # this is the first look
        copy = self._copies.get(stored.manifest.archive_id)
        return copy is not None and copy.is_of(stored)

    def clock_jump(self, now: datetime) -> LabferryError | None:
        """Why the clock is not to be believed, if it is not.

        Runs that began in the future are those of a clock that has been put right since.
        """
        times = sorted([*(each for each in self._ledger.run_times() if each <= now), now])
        for before, after in pairwise(times):
            if after - before > _LONGEST_PAUSE:
                return LabferryError(
                    f"The clock jumped: a run began on {before:%Y-%m-%d}, and the next on "
                    f"{after:%Y-%m-%d}. Nothing is removed until somebody has looked at it.",
                    hint="If the time is right: labferry prune --clock-is-right",
                )
        return None

    def condition(self, stored: StoredArchive) -> Condition:
        """What is known of a copy, and seen of it in passing."""
        if stored.size != stored.manifest.size:
            return Condition.DAMAGED
        copy = self._copies.get(stored.manifest.archive_id)
        if copy is None or copy.sha256 != stored.manifest.sha256:
            return Condition.UNKNOWN
        if copy.problem:
            return Condition.DAMAGED
        return Condition.UNKNOWN if copy.verified_at is None else Condition.READ_BACK

    def exports(self, archives: Iterable[StoredArchive]) -> Mapping[Series, Sequence[Export]]:
        """For each series its newest export, and those that are not finished."""
        groups: dict[Series, list[StoredArchive]] = {}
        for stored in archives:
            groups.setdefault(series_of(stored), []).append(stored)
        candidates = {name: self._candidates(name) for name in {each.source for each in groups}}
        return {
            series: self._exports(series, stored, candidates[series.source])
            for series, stored in groups.items()
        }

    def obstacles(self, exports: Mapping[Series, Sequence[Export]]) -> Mapping[Series, str]:
        """Why nothing of a series may be removed now, for the series of which that is so."""
        reasons = {
            identity: max(map(self._obstacle, some), default="")
            for identity, some in _distinct(exports).items()
        }
        return {series: reasons[id(some)] for series, some in exports.items() if reasons[id(some)]}

    def newest(self, exports: Mapping[Series, Sequence[Export]]) -> frozenset[str | None]:
        """The ids of the archives that were stored last, whatever time the clock showed then."""
        newest = [export for some in _distinct(exports).values() for export in some]
        stored = [self._ledger.last_stored(e.source, e.request.series) for e in newest]
        return frozenset(e.archive_id for e in (*newest, *stored) if e is not None)

    def is_awaited(self, key: str) -> bool:
        """Whether an unfinished export will go on with what was begun under a key."""
        unfinished = [export.archive_id for export in self._ledger.unfinished()]
        return any(identity is not None and identity in key for identity in unfinished)

    def half_removed(self, listed: Collection[str]) -> Iterator[StoredArchive]:
        """What an earlier process was killed in the middle of removing.

        Args:
            listed: The keys that the destination lists: what was not touched yet.
        """
        for copy in self._copies.values():
            begun = copy.removing_at is not None and copy.removed_at is None
            stored = self._ledger.copies.stored(copy) if begun and copy.key not in listed else None
            if stored is not None:
                yield stored

    def removing(self, stored: StoredArchive, now: datetime) -> None:
        """Note that an archive is going to be removed, durable when this returns."""
        self._ledger.copies.adopt(self._destination, stored, now)
        self._ledger.copies.removing(self._destination, stored.manifest.archive_id, now)

    def spared(self, stored: StoredArchive) -> None:
        """Note that an archive stays, whatever was meant to become of it before."""
        copy = self._copies.get(stored.manifest.archive_id)
        if copy is not None and copy.removing_at is not None:
            self._ledger.copies.spared(self._destination, copy.archive_id)

    def removed(self, stored: StoredArchive, now: datetime) -> None:
        """Note that it is."""
        self._ledger.copies.removed(self._destination, stored.manifest.archive_id, now)

    def _candidates(self, source: str) -> Mapping[str, Sequence[Export]]:
        """The newest and the unfinished exports of a source's series; all of them as `_EVERY`."""
        unfinished = [export for export in self._ledger.unfinished() if export.source == source]
        every = [*self._ledger.newest(source), *unfinished]
        found: dict[str, list[Export]] = {_EVERY: every}
        for export in every:
            found.setdefault(export.request.series, []).append(export)
        return found

    def _exports(
        self,
        series: Series,
        archives: Iterable[StoredArchive],
        candidates: Mapping[str, Sequence[Export]],
    ) -> Sequence[Export]:
        names = {redact_stored(series.name)}
        is_hidden = False
        for stored in archives:
            copy = self._copies.get(stored.manifest.archive_id)
            names |= {copy.series} if copy else set()
            is_hidden = is_hidden or stored.manifest.encryption is not None
        matching = [export for name in sorted(names) for export in candidates.get(name, ())]
        # Where a manifest hides what was exported, rather one series too many than one too few.
        return candidates[_EVERY] if is_hidden and not matching else matching

    def _obstacle(self, export: Export) -> str:
        phase = export.job.phase
        if phase is Phase.FAILED:
            return "its newest sync failed"
        states = {d.destination: d.state for d in self._ledger.deliveries(export.id)}
        state = states.get(self._destination)
        if phase is Phase.UNCHANGED or state is DeliveryState.STORED:
            return ""
        if state is DeliveryState.FAILED:
            return "its newest sync failed here"
        # An export that is over without a word of this destination was not meant for it.
        return "" if phase.is_over and state is None else "its newest sync is not finished"


def _distinct(exports: Mapping[Series, Sequence[Export]]) -> Mapping[int, Sequence[Export]]:
    """Each list once, by its identity: series whose names are hidden share that of their source."""
    return {id(some): some for some in exports.values()}
