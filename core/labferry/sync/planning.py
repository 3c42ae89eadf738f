"""What a run has to do for each source: first what earlier runs left, then what the source plans.

Each source is planned by itself, on a thread of its own: a server that does not answer, or not
soon, holds up no other source.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from threading import Thread
from typing import Any, TypeVar

from typing_extensions import override

from labferry.encryption import hidden_series
from labferry.ledger import Export
from labferry.lifecycle import Phase
from labferry.lifecycle.events import Ended, Restarted, Unchanged
from labferry.lifecycle.job import Policy
from labferry.runtime.log_context import about
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.progress import ActivityKind
from labferry.runtime.retry import retry
from labferry.runtime.threads import Pulse
from labferry.sdk import (
    ExitCode,
    ExportFailedError,
    ExportRequest,
    LabferryError,
    Source,
    StoppedError,
)
from labferry.sdk.waiting import interruptible
from labferry.sync.change_detection import last_everywhere
from labferry.sync.context import RunContext
from labferry.sync.export_task import ExportTask
from labferry.sync.manifests import origin_of
from labferry.sync.vanished import report_vanished, vanished_requests

ResultT = TypeVar("ResultT")

_log = logging.getLogger(__name__)


def unfinished_exports(
    context: RunContext, sources: Mapping[str, Source[Any]]
) -> Mapping[str, Sequence[Export]]:
    """What earlier runs left of each source. What no source can go on with is given up.

    Raises:
        StateError: The ledger can't be written.
        FullError: Its disk is full.
    """
    left: dict[str, list[Export]] = {name: [] for name in sources}
    for export in context.ledger.unfinished():
        if export.source not in context.config.sources:
            _end(context, export, "Its source is no longer configured.")
        elif export.source in sources:
            if _is_of(export, sources[export.source]):
                left[export.source].append(export)
            else:
                _end(context, export, "Its source is now another server.")
    return left


class Planner(Thread):
    """Plans one source, on a thread of its own.

    What is in the spool goes on to its destinations at once. Then the source says what there is to
    do; a server that is out of reach is asked again. An export that an earlier run could not finish
    takes the place of the new one that the source would plan for the same series.

    Args:
        context: The run.
        source: The source.
        unfinished: What earlier runs left of it.
        deliver: Has an archive delivered that is in the spool.
        export: Has lanes work on exports.

    Attributes:
        carried: What earlier runs left.
        new: What this run begins.
        lanes: The lanes that its source can use, once it has said so.
        source: The source.
        problems: What kept the source from planning, or is to be reported all the same.
        pulse: Whether the planner waits for its server, and for how long.
    """

    def __init__(
        self,
        context: RunContext,
        source: Source[Any],
        unfinished: Sequence[Export],
        *,
        deliver: Callable[[ExportTask], None],
        export: Callable[[Sequence[ExportTask]], None],
    ) -> None:
        super().__init__(name=f"planning {source.name}", daemon=True)
        self.carried: list[ExportTask] = []
        self.new: list[ExportTask] = []
        self.problems: list[LabferryError] = []
        self.pulse = Pulse()
        self.lanes: Sequence[str] = ()
        self.source = source
        self._context = context
        self._source = source
        self._unfinished = unfinished
        self._deliver = deliver
        self._export = export
        self._is_abandoned = False

    @override
    def run(self) -> None:
        try:
            with (
                about(run=str(self._context.run), source=self._source.name),
                interruptible(self._context.stop.check, self._context.time_left),
            ):
                self._plan()
        except Exception as error:  # noqa: BLE001 - a stranger's source must not end the run
            if not self._is_abandoned and not isinstance(error, StoppedError):
                self._note(wrap_plugin_error(error, "Its source"))

    def abandon(self, error: LabferryError) -> None:
        """Go on without this source, whose server does not answer. Called from another thread."""
        self._is_abandoned = True
        self._note(error)

    def _note(self, problem: LabferryError) -> None:
        problem.message = f"{self._source.name}: {problem.message}"
        self.problems.append(problem)

    def _plan(self) -> None:
        for export in self._unfinished:
            # What is in the spool can go on to its destinations without the server.
            if export.job.phase is Phase.VERIFIED:
                task = ExportTask(self._source, self._take_over(export), frozenset())
                self.carried.append(task)
                self._deliver(task)
        lanes, requests = self._patiently(self._ask)
        carried = self._can_go_on(lanes, requests)
        satisfied = {each.request.series for each in carried if not self._is_leftover(each)}
        new = [
            (request, self._patiently(partial(self._unchanged, request, lanes)))
            for request in requests
            if request.series not in satisfied
        ]
        vanished = vanished_requests(self._context, self._source, requests)
        if self._is_abandoned:
            return
        # The server has been asked; now one write for all.
        with self._context.ledger.together():
            self._note_names(requests)
            self._settle_lost(lanes)
            self.carried += [
                ExportTask(self._source, self._take_over(export), _allowed(export, lanes))
                for export in carried
                if export.job.phase is not Phase.VERIFIED
            ]
            self.new += [self._new_task(lanes, *each) for each in new]
            lost = report_vanished(self._context, self._source.name, vanished, requests)
        for problem in (*self._source.problems, *lost):
            self._note(problem)
        self._export(
            [
                task
                for task in (*self.carried, *self.new)
                if task.lanes
                and not task.problems
                and not (task.export.job.phase is Phase.VERIFIED or task.export.job.phase.is_over)
            ]
        )

    def _note_names(self, requests: Sequence[ExportRequest]) -> None:
        """Note whose work each series holds, under both names that manifests give a series."""
        context, source = self._context, self._source
        for request in requests:
            origin = origin_of(source.name, source.type, source.url, request)
            for series in (origin.series, hidden_series(origin)):
                context.ledger.names.note(source.name, series, request.names, context.clock.now())

    def _can_go_on(
        self, lanes: Sequence[str], requests: Sequence[ExportRequest]
    ) -> Sequence[Export]:
        """What earlier runs left and this one goes on with; the others are given up."""
        lost = {task.export.id for task in self._lost() if task.export.lane not in lanes}
        return [
            export
            for export in self._unfinished
            if export.id not in lost and _can_go_on(self._context, export, lanes, requests)
        ]

    def _lost(self) -> Sequence[ExportTask]:
        """What was in the spool, and is not there any more."""
        return [task for task in self.carried if task.export.job.phase is Phase.RUNNING]

    def _settle_lost(self, lanes: Sequence[str]) -> None:
        for task in self._lost():
            task.lanes = _allowed(task.export, lanes)
            if not task.lanes:
                task.export = _no_lane(self._context, task.export)

    def _patiently(self, ask: Callable[[], ResultT]) -> ResultT:
        def once() -> ResultT:
            with self.pulse.asking():
                return ask()

        name = self._source.name
        with self._context.progress.activity(ActivityKind.PLAN, name) as activity:
            policy = replace(self._context.server_policy, waiting=activity.wait_for)
            return retry(once, self._context.stop, f"{name}: planning", policy)

    def _ask(self) -> tuple[Sequence[str], Sequence[ExportRequest]]:
        self.lanes = lanes = self._source.lanes()
        requests = self._source.plan(lanes)
        if not requests:
            raise ExportFailedError(
                "There is nothing to export.", hint="Check scope, ids, query and patterns."
            )
        return lanes, requests

    def _unchanged(self, request: ExportRequest, lanes: Sequence[str]) -> str:
        """Why nothing new would be in an export; empty if the server can't tell."""
        source = self._source
        if not source.settings.skip_idle:
            return ""
        last = last_everywhere(self._context, source.name, request)
        since = last.job.submitted_at if last is not None else None
        if since is None or not source.is_idle(request, since, request.lane or lanes[0]):
            return ""
        return f"Nothing changed at the server since {since:%Y-%m-%d %H:%M} UTC; not exported."

    def _new_task(self, lanes: Sequence[str], request: ExportRequest, unchanged: str) -> ExportTask:
        """Note a new export; `unchanged` says why nothing new would be in it, if that is known."""
        context, source = self._context, self._source
        allowed = lanes if request.lane is None else [request.lane]
        export = context.ledger.plan(context.run, source, allowed[0], request)
        if unchanged:
            export = context.record(export, Unchanged(unchanged), context.policy(source))
        return ExportTask(source, export, frozenset(allowed))

    def _take_over(self, export: Export) -> Export:
        _log.info("%s: continuing with %s of an earlier run", export.source, export.request.title)
        # A leftover stays that of the run which left it: should this run be killed, the next one
        # must still see that a new export is due.
        run = export.run if self._is_leftover(export) else self._context.run
        policy = self._context.policy(self._source)
        return self._context.record(replace(export, run=run), Restarted(), policy)

    def _is_leftover(self, export: Export) -> bool:
        """Whether an export only waits for a destination since a run that came to its end.

        What this run was started for is due all the same then.
        """
        if export.job.phase is not Phase.VERIFIED:
            return False
        return not ExitCode.is_unfinished(self._context.ledger.run(export.run).exit_code)


def _is_of(export: Export, source: Source[Any]) -> bool:
    """Whether a job is the source's: its number says nothing to another server."""
    same = (export.source_type, export.source_url) == (source.type, source.url)
    return same or export.job.phase is Phase.VERIFIED


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
    _no_lane(context, export)
    return False


def _no_lane(context: RunContext, export: Export) -> Export:
    """Give up an export: a server shows a job to its submitter only."""
    return _end(context, export, f"No key of {export.lane} is configured any more.")


def _allowed(export: Export, lanes: Sequence[str]) -> frozenset[str]:
    """The lanes that can go on with an export of an earlier run."""
    is_free = export.job.phase is Phase.PLANNED and export.request.lane is None
    return frozenset(lanes if is_free else {export.lane} & {*lanes})


def _end(context: RunContext, export: Export, reason: str) -> Export:
    _log.warning("%s: %s is given up: %s", export.source, export.request.title, reason)
    return context.record(
        replace(export, run=context.run), Ended(reason, ExitCode.FAILED), Policy()
    )
