"""Retention at a destination: what may be removed there, and removing it."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from labferry.config import SinkConfig
from labferry.copies.query import committed
from labferry.ledger import DeliveryState, Ledger
from labferry.retention import (
    Decision,
    Series,
    decide,
    keep_anyway,
    last_good,
    moment_of,
    series_of,
)
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.sdk import (
    ConfigError,
    HeldError,
    LabferryError,
    Retention,
    Sink,
    StoredArchive,
    redact,
)
from labferry.sync.context import RunContext
from labferry.sync.export_task import ExportTask
from labferry.sync.retention_state import RetentionState

_log = logging.getLogger(__name__)
_TOLERANCE = timedelta(hours=1)
"""How far a clock may have gone wrong between two machines, or before it was set, without harm."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of one thing that was to be removed.

    Attributes:
        key: Where it was, or still is.
        problem: Why it could not be removed; None where it was.
        held: Why the storage protects it for now; empty where it does not.
    """

    key: str
    problem: LabferryError | None = None
    held: str = ""


def require_delete(sink: Sink[Any]) -> None:
    """Make sure that a destination can delete at all.

    Raises:
        ConfigError: It can't, so a retention makes no sense there.
    """
    if not sink.traits.can_delete:
        raise ConfigError(
            f"{sink.name} can't have a retention: nothing can be deleted there.",
            hint=f"Take retention out of [destinations.{sink.name}].",
        )


class Retirement:
    """One destination's archives, judged by its retention, and removed as it says.

    Args:
        sink: The destination.
        ledger: What is known of its past.
        now: Tells the time, UTC.
    """

    def __init__(self, sink: Sink[Any], ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._sink = sink
        self._history = RetentionState(ledger, sink.name)
        self._now = now

    def decide(self, archives: Sequence[StoredArchive], retention: Retention) -> Sequence[Decision]:
        """What is kept and what is to be removed, each with the reasons.

        Args:
            archives: All that the destination has of the series that are to be judged.
            retention: The rules.

        Raises:
            LabferryError: The storage can't say whether it holds an archive, or the ledger can't
                be read.
        """
        now = self._now()
        aside = {stored.key: reason for stored in archives if (reason := self._aside(stored, now))}
        judged = [stored for stored in archives if stored.key not in aside]
        exports = self._history.exports(judged)
        needed = last_good(judged, self._history.condition, now)
        obstacles = self._history.obstacles(exports)
        newest = self._history.newest(exports)
        jump = self._history.clock_jump(now)

        def why(stored: StoredArchive) -> str:
            if stored.manifest.archive_id in newest:
                return "the last one that was stored"
            if jump is not None:
                return "the clock jumped"
            known_reason = needed.get(stored.key) or obstacles.get(series_of(stored))
            return known_reason or self._sink.hold(stored)

        kept = [
            Decision(each, keep=True, reasons=(aside[each.key],))
            for each in archives
            if each.key in aside
        ]
        return [*keep_anyway(decide(judged, retention, now), why), *kept]

    def learn(self, listed: Sequence[StoredArchive]) -> None:
        """Learn what is there, at the first look at the destination."""
        self._history.learn(listed, self._now())

    def clock_jump(self) -> LabferryError | None:
        """Why nothing is removed, if the clock is not to be believed."""
        return self._history.clock_jump(self._now())

    def _aside(self, stored: StoredArchive, now: datetime) -> str:
        """Why an archive is neither removed nor counts for the rules; empty if it does.

        Who can write to a destination could otherwise have the genuine archives removed, by putting
        others beside them; and so could a clock that was wrong for one night.
        """
        if moment_of(stored) > now + _TOLERANCE:
            return "from the future: a clock is or was wrong"
        return "" if self._history.knows(stored) else "not stored by this machine"

    def strangers(self, decisions: Iterable[Decision]) -> Sequence[Series]:
        """The series, of those that lose archives, of which the ledger knows nothing."""
        exports = self._history.exports(d.archive for d in decisions if not d.keep)
        return sorted(series for series, known in exports.items() if not known)

    def remove(
        self, decisions: Iterable[Decision], listed: Iterable[StoredArchive]
    ) -> Iterator[Removal]:
        """Remove what is not kept, oldest first.

        Before that, what an earlier process was killed in the middle of removing.

        Args:
            decisions: What is kept and what is not.
            listed: All that the destination lists.
        """
        for stored in self._history.half_removed({stored.key for stored in listed}):
            _log.info("%s: continuing to remove %s", self._sink.name, stored.key)
            yield self._remove(stored)
        judged = list(decisions)
        for decision in judged:
            if decision.keep:
                self._history.spared(decision.archive)
        doomed = [decision.archive for decision in judged if not decision.keep]
        for stored in sorted(doomed, key=moment_of):
            yield self._remove(stored)

    def _remove(self, stored: StoredArchive) -> Removal:
        try:
            self._history.removing(stored, self._now())
            self._sink.delete(stored)
            self._history.removed(stored, self._now())
        except HeldError as error:
            _log.info("%s: %s is kept: %s", self._sink.name, stored.key, redact(error.message))
            self._history.spared(stored)
            return Removal(stored.key, held=error.message)
        except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the others' work
            return Removal(stored.key, wrap_plugin_error(error, f"The sink of {self._sink.name}"))
        _log.info("%s: removed %s, as its retention says", self._sink.name, stored.key)
        return Removal(stored.key)


def retire(context: RunContext, done: Sequence[ExportTask]) -> Iterator[LabferryError]:
    """Apply each destination's retention to the series that this run stored there.

    Yields what went wrong. Nothing of it undoes a delivery.

    Args:
        context: The run.
        done: What it worked on.
    """
    for name in sorted({name for route in context.routes.values() for name in route}):
        config = context.config.destinations[name]
        retention = config.settings.retention
        if retention is None:
            continue
        for problem in _retire_at(context, config, retention, done):
            if config.settings.required:
                yield problem
            else:
                _log.warning("%s", redact(str(problem)))


def _retire_at(
    context: RunContext, config: SinkConfig, retention: Retention, done: Sequence[ExportTask]
) -> Iterator[LabferryError]:
    try:
        stored_ids = _stored_at(context, config.name, done)
        if stored_ids and not context.stop.requested:
            yield from _apply(context, config, retention, stored_ids)
    except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the run
        yield _named(wrap_plugin_error(error, "Its sink"), f"{config.name}: retention")


def _stored_at(
    context: RunContext, destination: str, done: Sequence[ExportTask]
) -> set[str | None]:
    """The ids of the archives that this run worked on and that a destination has now."""
    return {
        task.export.archive_id
        for task in done
        for delivery in context.ledger.deliveries(task.export.id)
        if (delivery.destination, delivery.state) == (destination, DeliveryState.STORED)
    }


def _apply(
    context: RunContext, config: SinkConfig, retention: Retention, stored_ids: set[str | None]
) -> Iterator[LabferryError]:
    with closing(config.kind(config.name, config.settings)) as sink:
        require_delete(sink)
        listed = [*committed(sink)]
        archives = _in_touched_series(listed, stored_ids)
        retirement = Retirement(sink, context.ledger, context.clock.now)
        retirement.learn(listed)
        jump = retirement.clock_jump()
        if jump is not None:
            _log.warning("%s: %s", config.name, jump)
        decisions = retirement.decide(archives, retention)
        for removal in retirement.remove(decisions, listed):
            if removal.problem is not None:
                yield _named(removal.problem, f"{config.name}: {removal.key} can't be removed")
            if context.stop.requested:
                return


def _in_touched_series(
    archives: Sequence[StoredArchive], stored_ids: set[str | None]
) -> Sequence[StoredArchive]:
    touched = {series_of(each) for each in archives if each.manifest.archive_id in stored_ids}
    return [each for each in archives if series_of(each) in touched]


def _named(error: LabferryError, what: str) -> LabferryError:
    error.message = f"{what}: {error.message}"
    return error
