"""One run: plans, sets lanes and destinations to work, waits for them, and sums up."""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from labferry.config import Config
from labferry.ledger import DeliveryState, Export, Ledger
from labferry.lifecycle import Phase
from labferry.lifecycle.events import Delivered, Event, Misplaced
from labferry.plugins import Plugins
from labferry.runtime.clock import Clock
from labferry.runtime.lock import run_lock
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.runtime.threads import Task, ThreadSupervisor
from labferry.sdk import (
    ExitCode,
    FullError,
    IntegrityError,
    LabferryError,
    RunReport,
    Source,
    redact,
)
from labferry.spool import Spool, SpoolArchive
from labferry.sync.context import RunContext
from labferry.sync.destination import DestinationWorker
from labferry.sync.export_task import ExportQueue, ExportTask
from labferry.sync.fanout import DeliveryQueue, FanOut
from labferry.sync.freshness import standings
from labferry.sync.lane import LaneWorker, declared_archive
from labferry.sync.observers import observing, report_not_started
from labferry.sync.outcome import exit_code, is_complete, report_export
from labferry.sync.planning import Plan, make_plan
from labferry.sync.retention_apply import retire
from labferry.sync.run_log import RunLog, run_log

_log = logging.getLogger(__name__)


def run_sync(
    config: Config,
    plugins: Plugins,
    routes: Mapping[str, tuple[str, ...]],
    stop: Stop,
    progress: Progress | None = None,
) -> RunReport:
    """Export, verify and deliver.

    Args:
        config: The configuration, its secrets resolved.
        plugins: What is installed.
        routes: For each source to export, the destinations that its archives go to.
        stop: Ends the run. Request it from the main thread only, which never waits for it.
        progress: Shows what is going on.

    Returns:
        What happened. Where the run was stopped, end the process soon: threads of it that were
        in the middle of something may still be alive, and `stop` then holds the lock for them.

    Raises:
        LockHeldError: Another run is at work.
        StateError: The state folder, the ledger or the spool can't be used.
    """
    with ExitStack() as stack:
        log = stack.enter_context(run_log())
        try:
            ledger, spool = _open(config, stack)
            clock = Clock()
            number = ledger.begin_run(clock.began)
        except Exception as error:
            report_not_started(error, config.observers.values(), plugins, stop, log.lines)
            raise
        context = RunContext(
            run=number,
            clock=clock,
            config=config,
            routes=routes,
            ledger=ledger,
            spool=spool,
            hooks=plugins.hooks,
            stop=stop,
            progress=progress or Progress(),
        )
        with observing(config.observers.values(), plugins.manager, stop):
            run = _Run(context, log)
            try:
                return run.report()
            finally:
                if run.has_live_threads:
                    # They end with the process; until then the lock and the ledger stay theirs.
                    stop.hold(stack.pop_all())


def _open(config: Config, stack: ExitStack) -> tuple[Ledger, Spool]:
    """Take the lock, and open what a run keeps its state in, for as long as the stack stands."""
    stack.enter_context(run_lock(config.state_dir))
    ledger = Ledger(config.state_dir / "ledger.db")
    stack.callback(ledger.close)
    if ledger.set_aside is not None:
        _log.warning(
            "The ledger was damaged. It was set aside as %s, and a new one begun: "
            "at most one export of each source is repeated.",
            ledger.set_aside,
        )
    return ledger, Spool(config.spool_dir)


class _Run:
    def __init__(self, context: RunContext, log: RunLog) -> None:
        self._context = context
        self._log = log
        self._ledger = context.ledger
        names = sorted({name for route in context.routes.values() for name in route})
        self._belts: dict[str, DeliveryQueue] = {name: DeliveryQueue() for name in names}
        self._handover = FanOut(context.ledger, context.routes, self._belts, self._settled)
        self._vigil = ThreadSupervisor(context.stop, self._abandon)
        self._plan = Plan()

    @property
    def has_live_threads(self) -> bool:
        return self._vigil.has_live_threads

    def report(self) -> RunReport:
        self._context.tell_started()
        try:
            report = self._completed(self._report())
        except Exception as error:
            self._context.tell_finished(self._failure(error))
            raise
        self._context.tell_finished(report)
        return report

    def _report(self) -> RunReport:
        sources = {
            name: self._context.config.sources[name].kind(
                name, self._context.config.sources[name].settings
            )
            for name in self._context.routes
        }
        try:
            self._work(sources)
            return self._sum_up(self._plan)
        finally:
            for source in sources.values():
                _close(source)

    def _work(self, sources: Mapping[str, Source[Any]]) -> None:
        destinations = [
            DestinationWorker(name, self._context, belt, self._handover)
            for name, belt in self._belts.items()
        ]
        self._vigil.start(destinations)
        try:
            self._do(Task("planning", partial(self._prepare, sources)))
            self._export()
        finally:
            self._handover.close()
            self._vigil.wait(destinations)
            self._plan.problems += [p for worker in destinations for p in worker.problems]
        self._do(Task("cleaning up", self._clean_up))

    def _do(self, task: Task) -> None:
        if not self._context.stop.requested:
            self._vigil.start([task])
            self._vigil.wait([task])
            task.check()

    def _prepare(self, sources: Mapping[str, Source[Any]]) -> None:
        self._sweep()
        plan = make_plan(self._context, sources)
        self._plan = plan
        for work in plan.work:
            if work.export.job.phase is Phase.VERIFIED:
                self._redeliver(work)

    def _export(self) -> None:
        queue = ExportQueue(
            work
            for work in self._plan.work
            if not (work.export.job.phase is Phase.VERIFIED or work.export.job.phase.is_over)
            and not work.problems
        )
        lanes = [
            LaneWorker(name, queue, self._handover, self._context) for name in sorted(queue.lanes)
        ]
        if not self._context.stop.requested:
            self._vigil.start(lanes)
            self._vigil.wait(lanes)

    def _clean_up(self) -> None:
        try:
            self._sweep()
        except LabferryError as error:
            self._plan.problems.append(error)
        self._plan.problems += retire(self._context, self._plan.work)

    def _abandon(self) -> None:
        self._handover.abandon(self._context.stop.error)

    def _sweep(self) -> None:
        unfinished = self._ledger.unfinished()
        self._context.spool.sweep({e.archive_id for e in unfinished if e.archive_id})

    def _redeliver(self, work: ExportTask) -> None:
        """Send off what is in the spool already; what is not there any more needs its lane."""
        try:
            archive = self._reopen(work)
            self._handover.offer(work, archive)
        except (IntegrityError, FullError) as error:
            _log.warning("%s is not in the spool any more: %s", work.export.archive_id, error)
            self._happened(work, Misplaced())
        except LabferryError as error:
            work.problems.append(error)
        else:
            self._handover.done(work, archive)

    def _reopen(self, work: ExportTask) -> SpoolArchive:
        archive = self._context.spool.open(declared_archive(work), md5=self._context.needs_md5)
        try:
            archive.resume()
            archive.verify()
        except LabferryError:
            archive.close()
            raise
        return archive

    def _settled(self, work: ExportTask, archive: SpoolArchive) -> None:
        """Every destination is through with an archive: is it enough?"""
        archive.close()
        try:
            if work.export.job.phase is Phase.VERIFIED and self._is_enough(work.export):
                self._happened(work, Delivered())
                self._context.spool.discard(archive.id)
        except LabferryError as error:
            work.problems.append(error)

    def _is_enough(self, export: Export) -> bool:
        have = {
            delivery.destination
            for delivery in self._ledger.deliveries(export.id)
            if delivery.state is DeliveryState.STORED
        }
        if self._context.config.require is not None:
            return len(have) >= self._context.config.require
        return bool(have) and self._required(export) <= have

    def _required(self, export: Export) -> set[str]:
        destinations = self._context.config.destinations
        return {n for n in self._context.routes[export.source] if destinations[n].settings.required}

    def _happened(self, work: ExportTask, event: Event) -> None:
        policy = self._context.policy(work.source)
        work.export = self._context.record(work.export, event, policy)

    def _sum_up(self, plan: Plan) -> RunReport:
        stop = self._context.stop
        exports = tuple(
            report_export(
                work,
                self._ledger.deliveries(work.export.id),
                self._required(work.export),
                self._context.routes[work.export.source],
            )
            for work in plan.work
        )
        code = exit_code(exports, (problem.exit_code for problem in plan.problems))
        ended = self._context.clock.now()
        report = RunReport(
            run=self._context.run,
            started=self._context.clock.began,
            ended=ended,
            exit_code=stop.exit_code if stop.requested else code,
            exports=exports,
            problems=tuple(redact(str(problem)) for problem in plan.problems),
            freshness=tuple(
                each.freshness for each in standings(self._context.config, self._ledger)
            ),
        )
        self._ledger.end_run(self._context.run, ended, report.exit_code)
        return report

    def _failure(self, error: Exception) -> RunReport:
        """What the observers are told of a run that could not go on."""
        stop, problem = self._context.stop, wrap_plugin_error(error, "The run")
        return RunReport(
            run=self._context.run,
            started=self._context.clock.began,
            ended=self._context.clock.now(),
            exit_code=stop.exit_code if stop.requested else problem.exit_code,
            exports=(),
            problems=(redact(str(problem)),),
            log=self._log.lines,
        )

    def _completed(self, report: RunReport) -> RunReport:
        """A report with what only a look at the whole run can tell."""
        destinations = self._context.config.destinations
        required = {
            source: {name for name in route if destinations[name].settings.required}
            for source, route in self._context.routes.items()
        }
        return replace(
            report,
            complete=is_complete(report, required),
            previous_exit_code=self._previous_exit_code(),
            log=self._log.lines,
        )

    def _previous_exit_code(self) -> int | None:
        for number in range(self._context.run - 1, 0, -1):
            code = self._ledger.run(number).exit_code
            if not ExitCode.is_unfinished(code):
                return code
        return None


def _close(source: Source[Any]) -> None:
    try:
        source.close()
    except LabferryError as error:
        _log.warning("%s: closing failed: %s", source.name, redact(str(error)))
