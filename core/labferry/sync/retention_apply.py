"""Retention after a sync: of what this run stored, the older archives that are not to be kept."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing

from labferry.config import SinkConfig
from labferry.copies.query import committed
from labferry.ledger import DeliveryState
from labferry.retention import series_of
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.sdk import LabferryError, StoredArchive, redact
from labferry.sync.context import RunContext
from labferry.sync.export_task import ExportTask
from labferry.sync.removal import Retirement, require_delete

_log = logging.getLogger(__name__)


def retire(context: RunContext, done: Sequence[ExportTask]) -> Iterator[LabferryError]:
    """Apply each destination's retention to the series that this run stored there.

    Yields what went wrong. Nothing of it undoes a delivery.

    Args:
        context: The run.
        done: What it worked on.
    """
    for name in sorted({name for route in context.routes.values() for name in route}):
        config = context.config.destinations[name]
        if config.settings.retention is None:
            continue
        for problem in _retire_at(context, config, done):
            if config.settings.required:
                yield problem
            else:
                _log.warning("%s", redact(str(problem)))


def _retire_at(
    context: RunContext, config: SinkConfig, done: Sequence[ExportTask]
) -> Iterator[LabferryError]:
    try:
        stored = _stored_at(context, config.name, done)
        if stored and not context.stop.requested:
            yield from _apply(context, config, stored)
    except Exception as error:  # noqa: BLE001 - a stranger's sink must not end the run
        yield _named(wrap_plugin_error(error, "Its sink"), f"{config.name}: retention")


def _stored_at(context: RunContext, destination: str, done: Sequence[ExportTask]) -> set[str]:
    """The archives that this run worked on and that a destination has now."""
    return {
        work.export.archive_id
        for work in done
        for delivery in context.ledger.deliveries(work.export.id)
        if work.export.archive_id is not None
        and (delivery.destination, delivery.state) == (destination, DeliveryState.STORED)
    }


def _apply(context: RunContext, config: SinkConfig, stored: set[str]) -> Iterator[LabferryError]:
    retention = config.settings.retention
    with closing(config.kind(config.name, config.settings)) as sink:
        require_delete(sink)
        listed = [*committed(sink)]
        archives = _in_touched_series(listed, stored)
        retirement = Retirement(sink, context.ledger, context.clock.now)
        retirement.learn(listed)
        jump = retirement.clock_jump()
        if jump is not None:
            _log.warning("%s: %s", config.name, jump)
        decisions = retirement.decide(archives, retention) if retention else ()
        for removal in retirement.remove(decisions, listed):
            if removal.problem is not None:
                yield _named(removal.problem, f"{config.name}: {removal.key} can't be removed")
            if context.stop.requested:
                return


def _in_touched_series(
    archives: Sequence[StoredArchive], stored: set[str]
) -> Sequence[StoredArchive]:
    touched = {series_of(each) for each in archives if each.manifest.archive_id in stored}
    return [each for each in archives if series_of(each) in touched]


def _named(error: LabferryError, what: str) -> LabferryError:
    error.message = f"{what}: {error.message}"
    return error
