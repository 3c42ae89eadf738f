"""What a run has to do: first what earlier runs left, then what the sources plan."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from labferry.ledger import Export
from labferry.lifecycle import Phase
from labferry.lifecycle.events import Ended, Restarted, Unchanged
from labferry.lifecycle.job import Policy
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.sdk import ExitCode, ExportFailedError, ExportRequest, LabferryError, Source
from labferry.sync.change_detection import last_everywhere
from labferry.sync.context import RunContext
from labferry.sync.export_task import ExportTask

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Plan:
    """What a run has to do.

    Attributes:
        work: The exports, in the order in which they are to be done.
        problems: What kept a source from planning.
    """

    work: list[ExportTask] = field(default_factory=list)
    problems: list[LabferryError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Proposal:
    """What is to be done for one source.

    Attributes:
        source: The source.
        lanes: Its lanes that can be used.
        carried: The exports of earlier runs to go on with.
        new: What else to export, each with why nothing new is in it; empty where that is not known.
    """

    source: Source[Any]
    lanes: Sequence[str]
    carried: Sequence[Export]
    new: Sequence[tuple[ExportRequest, str]]


def make_plan(context: RunContext, sources: Mapping[str, Source[Any]]) -> Plan:
    """Find out what to do.

    Unfinished exports come first. One that an earlier run could not finish takes the place of
    the new export that its source would plan for the same series.

    Raises:
        StateError: The ledger can't be written.
        FullError: Its disk is full.
    """
    unfinished = _unfinished(context, sources)
    plan = Plan()
    proposals = []
    for name, source in sources.items():
        mine = [export for export in unfinished if export.source == name]
        try:
            proposals.append(_propose(context, source, mine))
            plan.problems += [_named(problem, name) for problem in source.problems]
        except Exception as error:  # noqa: BLE001 - a stranger's source must not end the run
            plan.problems.append(_named(wrap_plugin_error(error, "Its source"), name))
            # What is in the spool can go on to its destinations without the server.
            left = [export for export in mine if export.job.phase is Phase.VERIFIED]
            proposals.append(_Proposal(source, (), left, ()))
    # The servers have been asked; now one write for all.
    with context.ledger.together():
        for proposal in proposals:
            plan.work += _note(context, proposal)
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


def _propose(context: RunContext, source: Source[Any], unfinished: Sequence[Export]) -> _Proposal:
    lanes = source.lanes()
    requests = source.plan(lanes)
    if not requests:
        raise ExportFailedError(
            "There is nothing to export.", hint="Check scope, ids, query and patterns."
        )
    carried = [export for export in unfinished if _can_go_on(context, export, lanes, requests)]
    satisfied = {export.request.series for export in carried if not _is_leftover(context, export)}
    new = [
        (request, _unchanged(context, source, request, lanes[0]))
        for request in requests
        if request.series not in satisfied
    ]
    return _Proposal(source, lanes, carried, new)


def _note(context: RunContext, proposal: _Proposal) -> Iterator[ExportTask]:
    """Write down what a source is to do."""
    source, lanes = proposal.source, proposal.lanes
    for export in proposal.carried:
        yield ExportTask(source, _take_over(context, source, export), _allowed(export, lanes))
    for request, unchanged in proposal.new:
        allowed = lanes if request.lane is None else [request.lane]
        export = context.ledger.plan(context.run, source, allowed[0], request)
        if unchanged:
            export = context.record(export, Unchanged(unchanged), context.policy(source))
        yield ExportTask(source, export, frozenset(allowed))


def _is_of(export: Export, source: Source[Any]) -> bool:
    """Whether a job is the source's: its number says nothing to another server."""
    same = (export.source_type, export.source_url) == (source.type, source.url)
    return same or export.job.phase is Phase.VERIFIED


def _unchanged(context: RunContext, source: Source[Any], request: ExportRequest, lane: str) -> str:
    """Why nothing new would be in an export; empty where the server can't tell."""
    if not source.settings.skip_idle:
        return ""
    last = last_everywhere(context, source.name, request)
    since = last.job.submitted_at if last is not None else None
    if since is None or not source.is_idle(request, since, request.lane or lane):
        return ""
    return f"Nothing changed at the server since {since:%Y-%m-%d %H:%M} UTC; not exported."


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
    """The lanes that can go on with an export of an earlier run; none where none can be used."""
    if not lanes:
        return frozenset()
    is_free = export.job.phase is Phase.PLANNED and export.request.lane is None
    return frozenset(lanes if is_free else {export.lane})


def _is_leftover(context: RunContext, export: Export) -> bool:
    """Whether an export only waits for a destination since a run that came to its end.

    What this run was started for is due all the same then.
    """
    if export.job.phase is not Phase.VERIFIED:
        return False
    return not ExitCode.is_unfinished(context.ledger.run(export.run).exit_code)


def _take_over(context: RunContext, source: Source[Any], export: Export) -> Export:
    _log.info("%s: going on with %s of an earlier run", source.name, export.request.title)
    # A leftover stays that of the run which left it: should this run be killed, the next one
    # must still see that a new export is due.
    run = export.run if _is_leftover(context, export) else context.run
    return context.record(replace(export, run=run), Restarted(), context.policy(source))


def _end(context: RunContext, export: Export, reason: str) -> None:
    _log.warning("%s: %s is given up: %s", export.source, export.request.title, reason)
    context.record(replace(export, run=context.run), Ended(reason, ExitCode.FAILED), Policy())


def _named(error: LabferryError, source: str) -> LabferryError:
    error.message = f"{source}: {error.message}"
    return error
