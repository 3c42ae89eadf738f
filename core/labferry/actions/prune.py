"""`labferry prune`: remove the archives that no retention keeps."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from labferry.actions.session import Session, known_destination
from labferry.actions.sources import require_source
from labferry.config import SinkConfig
from labferry.copies.query import ask_side_by_side, open_sink, stored_archives, stray_files
from labferry.ledger import Ledger, ledger_file
from labferry.retention import Decision
from labferry.runtime.lock import run_lock
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.stop import Stop
from labferry.sdk import ConfigError, LabferryError, Sink, Stray, StrayKind
from labferry.sync.retention_apply import Removal, Retirement, require_delete
from labferry.sync.retention_state import RetentionState

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PruneRequest:
    """What is to be pruned.

    Attributes:
        destinations: Their names; all that have a retention where empty.
        source: The only source whose archives are judged; every source's where empty.
        dry_run: Whether to look only.
        strays: Whether to remove what was begun and never finished.
        stray_age: How old that must be at least: another machine may be at work there.
        clock_is_right: Whether to believe a clock that jumped since the last run.
    """

    destinations: tuple[str, ...] = ()
    source: str = ""
    dry_run: bool = False
    strays: bool = False
    stray_age: timedelta = timedelta(days=1)
    clock_is_right: bool = False


@dataclass(slots=True)
class Pruned:
    """What became of one destination.

    Attributes:
        destination: Its name.
        decisions: What is kept and what is not, by series, newest first.
        removals: What was removed, or could not be: archives and strays.
        strays: What is there, of labferry's, that is no archive.
        doomed: Those of them that are to be removed.
        notes: What else is to be known.
        problem: What ended the work there.
    """

    destination: str
    decisions: Sequence[Decision] = ()
    removals: list[Removal] = field(default_factory=list)
    strays: Sequence[Stray] = ()
    doomed: Sequence[Stray] = ()
    notes: list[str] = field(default_factory=list)
    problem: LabferryError | None = None


def prune(session: Session, request: PruneRequest) -> Iterator[Pruned]:
    """Prune one destination after the other; one that fails does not keep the others from it.

    Raises:
        ConfigError: A destination is not known, has no retention, or can't delete, or nobody knows
            the source. Nothing was removed then.
        LockHeldError: A run is at work.
        StateError: The state folder or the ledger can't be used.
    """
    chosen = _chosen(session, request)
    state_dir = session.config.state_dir
    with run_lock(state_dir):
        ledger = Ledger(ledger_file(state_dir))
        try:
            if ledger.set_aside is not None:
                _log.warning(
                    "The ledger was damaged. labferry set it aside as %s and began a new one.",
                    ledger.set_aside,
                )
            if request.clock_is_right and not request.dry_run:
                ledger.confirm_clock(_now())
            for config in chosen:
                yield _Pruning(config, ledger, request).result()
        finally:
            ledger.close()


def _chosen(session: Session, request: PruneRequest) -> Sequence[SinkConfig]:
    names = dict.fromkeys(request.destinations or session.config.destinations)
    chosen = [known_destination(session.config, name) for name in names]
    without = [config.name for config in chosen if config.settings.retention is None]
    if without and not request.strays and (request.destinations or len(without) == len(chosen)):
        raise ConfigError(
            f"There is no retention for {', '.join(without)}: everything is kept.",
            hint="Say what to keep, such as retention = { keep_daily = 7, keep_monthly = 12 }, in "
            f"[destinations.{without[0]}].",
        )
    kept = [config for config in chosen if request.strays or config.name not in without]
    for config in kept:
        if config.settings.retention is not None:
            with open_sink(config) as sink:
                require_delete(sink)
    if request.source and request.source not in session.config.sources:
        _require_source(session, kept, request.source)
    return kept


def _require_source(session: Session, destinations: Sequence[SinkConfig], name: str) -> None:
    answers = ask_side_by_side(destinations, stored_archives, Stop())
    if not answers.failures:
        found = (stored.manifest.source.name for each in answers.given.values() for stored in each)
        require_source(session.config, name, found)


class _Pruning:
    def __init__(self, config: SinkConfig, ledger: Ledger, request: PruneRequest) -> None:
        self._config = config
        self._ledger = ledger
        self._request = request
        self._pruned = Pruned(config.name)

    def result(self) -> Pruned:
        try:
            with open_sink(self._config) as sink:
                self._prune(sink)
                self._clean(sink)
        except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the others' work
            self._pruned.problem = wrap_plugin_error(error, "Its sink")
        return self._pruned

    def _prune(self, sink: Sink[Any]) -> None:
        retention, source = self._config.settings.retention, self._request.source
        if retention is None:
            return
        listed = stored_archives(sink)
        archives = [each for each in listed if source in {"", each.manifest.source.name}]
        if source and not archives:
            self._pruned.notes.append(f"There is no archive of {source}.")
        retirement = Retirement(sink, self._ledger, _now)
        if not self._request.dry_run:
            retirement.learn(listed)
        jump = retirement.clock_jump()
        if jump is not None:
            self._pruned.problem = jump
        self._pruned.decisions = retirement.decide(archives, retention)
        self._pruned.notes += [
            f"This machine's ledger knows nothing of {series}. So a failed sync of it cannot "
            "protect any archive."
            for series in retirement.strangers(self._pruned.decisions)
        ]
        if not self._request.dry_run:
            self._pruned.removals += retirement.remove(self._pruned.decisions, listed)

    def _clean(self, sink: Sink[Any]) -> None:
        strays = [stray for stray in stray_files(sink) if stray.kind is not StrayKind.FOREIGN]
        self._pruned.strays = strays
        if not self._request.strays:
            return
        history = RetentionState(self._ledger, sink.name)
        self._pruned.doomed = [stray for stray in strays if self._is_abandoned(stray, history)]
        if not self._request.dry_run:
            self._pruned.removals += [_cleaned(sink, stray) for stray in self._pruned.doomed]

    def _is_abandoned(self, stray: Stray, history: RetentionState) -> bool:
        """Whether nobody will go on with what was begun: neither our next sync nor another's."""
        if stray.kind is not StrayKind.UNFINISHED or stray.since is None:
            return False
        is_old = _now() - stray.since >= self._request.stray_age
        return is_old and not history.is_awaited(stray.key)


def _cleaned(sink: Sink[Any], stray: Stray) -> Removal:
    try:
        sink.remove_stray(stray)
    except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the others' work
        return Removal(stray.key, wrap_plugin_error(error, "Its sink"))
    return Removal(stray.key)


def _now() -> datetime:
    return datetime.now(UTC)
