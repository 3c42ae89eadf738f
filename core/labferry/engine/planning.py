"""What a run has to do: first what earlier runs left, then what the sources plan."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from labferry.engine.context import RunContext
from labferry.engine.examination import last_everywhere
from labferry.engine.unexpected import as_problem
from labferry.engine.work import Work
from labferry.ledger import Export
from labferry.lifecycle import Phase
from labferry.lifecycle.events import Ended, Restarted, Unchanged
from labferry.lifecycle.job import Policy
from labferry.sdk import ExportFailedError, ExportRequest, LabferryError, Source

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
            plan.problems += [_named(problem, name) for problem in source.problems]
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
        elif export.source in sources:
            if _is_of(export, sources[export.source]):
                left.append(export)
            else:
                _end(context, export, "Its source is now another server.")
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
    carried = [export for export in unfinished if _can_go_on(context, export, lanes, requests)]
    satisfied = {export.request.series for export in carried if not _is_leftover(context, export)}
    work = [
        Work(source, _take_over(context, source, export), _allowed(export, lanes))
        for export in carried
    ]
    for request in requests:
        if request.series not in satisfied:
            allowed = lanes if request.lane is None else [request.lane]
            export = context.ledger.plan(context.run, source, allowed[0], request)
            work.append(_new_work(context, source, export, allowed))
    return work


def _is_of(export: Export, source: Source[Any]) -> bool:
    """Whether a job is the source's: its number says nothing to another server."""
    same = (export.source_type, export.source_url) == (source.type, source.url)
    return same or export.job.phase is Phase.VERIFIED


def _new_work(
    context: RunContext, source: Source[Any], export: Export, lanes: Sequence[str]
) -> Work:
    """A new export, or the note that the server knows of nothing new to export."""
    last = last_everywhere(context, export) if source.settings.skip_idle else None
    since = last.job.submitted_at if last is not None else None
    if since is not None and source.is_idle(export.request, since, lanes[0]):
        reason = f"Nothing changed at the server since {since:%Y-%m-%d %H:%M} UTC; not exported."
        export = context.record(export, Unchanged(reason), context.policy(source))
    return Work(source, export, frozenset(lanes))


def _can_go_on(
    context: RunContext, export: Export, lanes: Sequence[str], requests: Sequence[ExportRequest]
) -> bool:
    match export.job.phase:
        case Phase.VERIFIED:
            return True
        case Phase.PLANNED if export.request not in requests:
            # The server never heard of it, and it is not what is wanted now.
            context.ledger.forget(export)
            return False
        case Phase.PLANNED if export.request.lane is None:
            return True
    if export.lane in lanes:
        return True
    # A server shows a job to its submitter only.
    _end(context, export, f"No key of {export.lane} is configured any more.")
    return False


def _allowed(export: Export, lanes: Sequence[str]) -> frozenset[str]:
    """The lanes that can go on with an export of an earlier run."""
    is_free = export.job.phase is Phase.PLANNED and export.request.lane is None
    return frozenset(lanes if is_free else {export.lane})


def _is_leftover(context: RunContext, export: Export) -> bool:
    """Whether an export only waits for a destination since a run that came to its end.

    What this run was started for is due all the same then.
    """
    if export.job.phase is not Phase.VERIFIED:
        return False
    return context.ledger.run(export.run).exit_code not in _INTERRUPTED


def _take_over(context: RunContext, source: Source[Any], export: Export) -> Export:
    _log.info("%s: going on with %s of an earlier run", source.name, export.request.title)
    # A leftover stays that of the run which left it: should this run be killed, the next one
    # must still see that a new export is due.
    run = export.run if _is_leftover(context, export) else context.run
    return context.record(replace(export, run=run), Restarted(), context.policy(source))


def _end(context: RunContext, export: Export, reason: str) -> None:
    _log.warning("%s: %s is given up: %s", export.source, export.request.title, reason)
    context.record(replace(export, run=context.run), Ended(reason, 1), Policy())


def _named(error: LabferryError, source: str) -> LabferryError:
    error.message = f"{source}: {error.message}"
    return error
