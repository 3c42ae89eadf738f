"""What everything in a run shares."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pluggy

from labferry.config import Config
from labferry.ledger import Export, Ledger
from labferry.lifecycle import ExportJob, Policy, advance, job_to_release
from labferry.lifecycle.events import Event
from labferry.runtime.clock import Clock
from labferry.runtime.progress import Progress
from labferry.runtime.retry import RetryPolicy
from labferry.runtime.stop import Stop
from labferry.sdk import Receipt, RunReport, RunStarted, Source, redact
from labferry.spool import Spool
from labferry.sync.destination_check import DestinationCheck

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run's surroundings.

    Attributes:
        run: The run's number in the ledger.
        clock: The time; it was started with the run.
        config: The configuration.
        routes: For each source of this run, the destinations that its archives go to.
        ledger: The ledger.
        spool: The spool.
        hooks: Calls the observers.
        stop: Ends the run.
        progress: Shows what is going on.
        first_pause: Seconds before a destination is tried again the first time.
        checks: The look at each destination with which the run begins.
    """

    run: int
    clock: Clock
    config: Config
    routes: Mapping[str, tuple[str, ...]]
    ledger: Ledger
    spool: Spool
    hooks: pluggy.HookRelay
    stop: Stop
    progress: Progress = field(default_factory=Progress)
    first_pause: float = 1.0
    checks: Mapping[str, DestinationCheck] = field(default_factory=dict)

    @property
    def needs_md5(self) -> bool:
        """Whether any destination needs an MD5."""
        return any(config.kind.traits.needs_md5 for config in self.config.destinations.values())

    def required(self, source: str) -> set[str]:
        """The destinations that must have a source's archives."""
        destinations = self.config.destinations
        return {name for name in self.routes[source] if destinations[name].settings.required}

    @property
    def retry_policy(self) -> RetryPolicy:
        """How patient to be with a destination; never beyond `max_wait`."""
        return RetryPolicy(first_pause=self.first_pause, time_left=self.time_left)

    @property
    def server_policy(self) -> RetryPolicy:
        """How patient to be with a notebook server: until `max_wait`, or for `retry_for`."""
        patience = None if self.config.max_wait is not None else self.config.retry_for
        return RetryPolicy(
            tries=None,
            patience=None if patience is None else patience.total_seconds(),
            first_pause=5 * self.first_pause,
            longest_pause=300.0,
            longest_wish=3600.0,
            time_left=self.time_left,
        )

    def time_left(self) -> float | None:
        """How many seconds the run may still wait; None without `max_wait`."""
        if self.config.max_wait is None:
            return None
        return (self.clock.began + self.config.max_wait - self.clock.now()).total_seconds()

    def policy(self, source: Source[Any]) -> Policy:
        """How patient to be with a source's jobs."""
        max_wait: timedelta | None = self.config.max_wait
        return Policy(
            poll_interval=source.poll_interval,
            job_timeout=source.job_timeout,
            deadline=None if max_wait is None else self.clock.began + max_wait,
            patience=self.config.retry_for.total_seconds() if max_wait is None else None,
            require_digest=source.settings.require_digest,
            can_find=_overrides(source, Source.find_job),
            can_release=_overrides(source, Source.release_job),
        )

    def record(self, export: Export, event: Event, policy: Policy) -> Export:
        """What became of an export, durable when this returns.

        Raises:
            StateError: The ledger can't be written.
            FullError: Its disk is full.
        """
        job = advance(export.job, event, self.clock.now(), policy)
        is_renewed = job.renewals > export.job.renewals
        to_release = job_to_release(export.job, job, policy)
        changed = replace(export, job=job)
        if is_renewed or to_release is not None:
            with self.ledger.together():
                self._save(export, changed, to_release, is_renewed=is_renewed)
        else:
            self.ledger.save(changed)
        return changed

    def _save(
        self, before: Export, export: Export, to_release: ExportJob | None, *, is_renewed: bool
    ) -> None:
        if is_renewed:
            # Receipts of the archive that expired say nothing of the one that takes its place.
            self.ledger.forget_deliveries(before)
        if to_release is not None:
            self.ledger.releases.add(replace(before, job=to_release))
        self.ledger.save(export)

    def notify_started(self) -> None:
        """Tell the observers that the run begins. What they do wrong is a warning."""
        destinations = dict.fromkeys(name for route in self.routes.values() for name in route)
        run = RunStarted(self.run, self.clock.began, tuple(self.routes), tuple(destinations))
        self._tell(self.hooks.labferry_run_started, run=run)

    def notify_stored(self, receipt: Receipt) -> None:
        """Tell the observers of a stored archive. What they do wrong is a warning."""
        self._tell(self.hooks.labferry_archive_stored, receipt=receipt)

    def notify_finished(self, report: RunReport) -> None:
        """Tell the observers how the run ended. What they do wrong is a warning."""
        self._tell(self.hooks.labferry_run_finished, report=report)

    def _tell(self, hook: pluggy.HookCaller, **arguments: object) -> None:
        try:
            hook(**arguments)
        except Exception as error:  # noqa: BLE001 - an observer must not fail a backup
            _log.warning("An observer failed: %s: %s", type(error).__name__, redact(str(error)))


def _overrides(source: Source[Any], method: Callable[..., object]) -> bool:
    """Whether a kind of source implements an optional method itself."""
    return getattr(type(source), method.__name__, method) is not method
