"""What a run has to do: first what earlier runs left, then what the sources plan."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from labferry.engine.context import RunContext
from labferry.engine.unexpected import as_problem
from labferry.engine.work import Work
from labferry.ledger import Export
from labferry.lifecycle import Phase, advance
from labferry.lifecycle.events import Ended, Event, Restarted
from labferry.lifecycle.job import Policy
from labferry.sdk import ExportFailedError, LabferryError, Source

__all__ = ["Plan", "make_plan"]

_log = logging.getLogger(__name__)
_INTERRUPTED = {None, 75, 130, 143}
"""How runs end that left in the middle of things; None stands for a killed one."""


@dataclass(slots=True)
class Plan:
    """What a run has to do.

    Attributes:
        work: The exports, in the order in which they are to be done.
        problems: What kept a source from planning.
    """

    work: list[Work] = field(default_factory=list)
    problems: list[LabferryError] = field(default_factory=list)


def make_plan(context: RunContext, sources: Mapping[str, Source[Any]]) -> Plan:
    """Find out what to do.

    Unfinished exports come first. One that an earlier run could not finish takes the place of
    the new export that its source would plan for the same series.
    """
    unfinished = _unfinished(context, sources)
    plan = Plan()
    for name, source in sources.items():
        mine = [export for export in unfinished if export.source == name]
        try:
            plan.work += _plan_source(context, source, mine)
        except Exception as error:  # noqa: BLE001 - a stranger's source must not end the run
            plan.problems.append(_named(as_problem(error, "Its source"), name))
            # What is in the spool can go on to its destinations without the server.
            plan.work += [
                Work(source, _take_over(context, source, export), frozenset())
                for export in mine
                if export.job.phase is Phase.VERIFIED
            ]
    plan.work.sort(key=lambda work: work.export.id)
    return plan


def _unfinished(context: RunContext, sources: Mapping[str, Source[Any]]) -> Sequence[Export]:
    left = []
    for export in context.ledger.unfinished():
        if export.source not in context.config.sources:
            _end(context, export, "Its source is no longer configured.")
        elif export.job.phase is Phase.PLANNED:
            context.ledger.forget(export)
        elif export.source in sources:
            left.append(export)
    return left


def _plan_source(
    context: RunContext, source: Source[Any], unfinished: Sequence[Export]
) -> Sequence[Work]:
    lanes = source.lanes()
    requests = source.plan(lanes)
    if not requests:
        raise ExportFailedError(
            "There is nothing to export.", hint="Check scope, ids, query and patterns."
        )
    carried = [export for export in unfinished if _can_go_on(context, export, lanes)]
    satisfied = {export.request.series for export in carried if _satisfies(context, export)}
    work = [
        Work(source, _take_over(context, source, export), frozenset({export.lane}))
        for export in carried
    ]
    for request in requests:
        if request.series not in satisfied:
            allowed = lanes if request.lane is None else [request.lane]
            export = context.ledger.plan(context.run, source, allowed[0], request)
            work.append(Work(source, export, frozenset(allowed)))
    return work


def _can_go_on(context: RunContext, export: Export, lanes: Sequence[str]) -> bool:
    """Whether the export's lane is still there: a server shows a job to its submitter only."""
    if export.job.phase is Phase.VERIFIED or export.lane in lanes:
        return True
    _end(context, export, f"No key of {export.lane} is configured any more.")
    return False


def _satisfies(context: RunContext, export: Export) -> bool:
    """Whether an export of an earlier run is what this run was started for.

    An archive that only waits for a destination is not: a new export is due all the same.
    """
    if export.job.phase is not Phase.VERIFIED:
        return True
    return context.ledger.run(export.run).exit_code in _INTERRUPTED


def _take_over(context: RunContext, source: Source[Any], export: Export) -> Export:
    _log.info("%s: going on with %s of an earlier run", source.name, export.request.title)
    return _happened(context, export, Restarted(), context.policy(source))


def _end(context: RunContext, export: Export, reason: str) -> None:
    _log.warning("%s: %s is given up: %s", export.source, export.request.title, reason)
    _happened(context, export, Ended(reason, 1), Policy())


def _happened(context: RunContext, export: Export, event: Event, policy: Policy) -> Export:
    job = advance(export.job, event, datetime.now(UTC), policy)
    changed = replace(export, run=context.run, job=job)
    context.ledger.save(changed)
    return changed


def _named(error: LabferryError, source: str) -> LabferryError:
    error.message = f"{source}: {error.message}"
    return error
