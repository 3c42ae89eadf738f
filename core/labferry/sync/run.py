"""One run: plans, sets lanes and destinations to work, waits for them, and sums up."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from threading import Lock, Thread
from typing import Any

from labferry.config import Config
from labferry.ledger import DeliveryState, Export, Ledger, ledger_file
from labferry.lifecycle import Phase
from labferry.lifecycle.events import Delivered, Event, Misplaced
from labferry.plugins import Plugins
from labferry.runtime.clock import Clock
from labferry.runtime.lock import run_lock
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.runtime.threads import Task, ThreadSupervisor
from labferry.sdk import (
    FullError,
    IntegrityError,
    LabferryError,
    RunReport,
    Source,
    TransientError,
    redact,
)
from labferry.spool import Spool, SpoolArchive
from labferry.sync.context import RunContext
from labferry.sync.destination import DestinationWorker
from labferry.sync.destination_check import DestinationCheck
from labferry.sync.export_task import ExportQueue, ExportTask
from labferry.sync.fanout import DeliveryQueue, FanOut
from labferry.sync.lane import LaneWorker, declared_archive
from labferry.sync.observers import observing, report_not_started
from labferry.sync.planning import Planner, unfinished_exports
from labferry.sync.release import JobReleaser, ReleaseWorker
from labferry.sync.retention_apply import retire
from labferry.sync.run_log import RunLog, run_log
from labferry.sync.run_report import RunReporter

_log = logging.getLogger(__name__)
_OVERTIME = 300.0
"""Seconds that a server which says nothing is waited for although `max_wait` is over."""


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
            checks={
                name: DestinationCheck(name, _skipping(config, routes, name), ledger, clock, stop)
                for name in _destinations(routes)
            },
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
    ledger = Ledger(ledger_file(config.state_dir))
    stack.callback(ledger.close)
    if ledger.set_aside is not None:
        _log.warning(
            "The ledger was damaged. It was set aside as %s, and a new one begun: "
            "at most one export of each source is repeated.",
            ledger.set_aside,
        )
    return ledger, Spool(config.spool_dir)


def _destinations(routes: Mapping[str, tuple[str, ...]]) -> Sequence[str]:
    return sorted({name for route in routes.values() for name in route})


def _skipping(
    config: Config, routes: Mapping[str, tuple[str, ...]], destination: str
) -> Mapping[str, bool]:
    """The sources of a destination, and whether each may leave out what is stored already."""
    settings = {name: config.sources[name].settings for name in routes}
    return {
        name: settings[name].skip_unchanged or settings[name].skip_idle
        for name, route in routes.items()
        if destination in route
    }


class _Run:
    def __init__(self, context: RunContext, log: RunLog) -> None:
        self._context = context
        self._reporter = RunReporter(context, log)
        self._ledger = context.ledger
        self._queues = {name: DeliveryQueue() for name in _destinations(context.routes)}
        self._fan_out = FanOut(context.ledger, context.routes, self._queues, self._settled)
        self._exports = ExportQueue()
        self._releaser = JobReleaser(context)
        self._threads = ThreadSupervisor(context.stop, self._abandon)
        self._lanes: dict[str, LaneWorker] = {}
        self._lock = Lock()
        self._planners: list[Planner] = []
        self._problems: list[LabferryError] = []

    @property
    def has_live_threads(self) -> bool:
        return self._threads.has_live_threads

    def report(self) -> RunReport:
        self._context.notify_started()
        try:
            self._work()
            planning = {each.source.name: each.problems for each in self._planners}
            report = self._reporter.report(self._tasks(), planning, self._problems)
        except Exception as error:
            self._context.notify_finished(self._reporter.failure(error))
            raise
        self._context.notify_finished(report)
        return report

    def _work(self) -> None:
        sources = {
            name: self._context.config.sources[name].kind(
                name, self._context.config.sources[name].settings
            )
            for name in self._context.routes
        }
        try:
            self._export_and_deliver(sources)
        finally:
            for source in sources.values():
                _close(source)

    def _export_and_deliver(self, sources: Mapping[str, Source[Any]]) -> None:
        destinations = [
            DestinationWorker(name, self._context, queue, self._fan_out)
            for name, queue in self._queues.items()
        ]
        self._threads.start(destinations)
        try:
            self._do(Task("getting ready", partial(self._get_ready, sources)))
            if not self._context.stop.requested:
                self._plan_and_export()
        finally:
            self._fan_out.close()
            self._threads.wait(destinations)
            self._problems += [p for worker in destinations for p in worker.problems]
        self._do(Task("cleaning up", self._clean_up))
        self._release()

    def _release(self) -> None:
        """Have the servers remove what is delivered; what they don't is left to a later run."""
        if self._context.stop.requested:
            return
        workers = [
            ReleaseWorker(planner.source, planner.lanes, self._releaser, self._context)
            for planner in self._planners
            if planner.lanes
        ]
        self._threads.start(workers)
        self._threads.wait(workers, self._is_overdue)

    def _do(self, task: Task) -> None:
        if not self._context.stop.requested:
            self._threads.start([task])
            self._threads.wait([task])
            task.check()

    def _get_ready(self, sources: Mapping[str, Source[Any]]) -> None:
        self._sweep()
        unfinished = unfinished_exports(self._context, sources)
        self._planners = [
            Planner(
                self._context,
                source,
                unfinished[name],
                deliver=self._redeliver,
                export=self._export,
            )
            for name, source in sources.items()
        ]

    def _plan_and_export(self) -> None:
        self._threads.start(self._planners)
        self._threads.wait(self._planners, self._is_overdue)
        self._exports.close()
        self._threads.wait([*self._lanes.values()], self._is_overdue)

    def _export(self, tasks: Sequence[ExportTask]) -> None:
        """Have lanes work on what a source has planned."""
        self._exports.put(tasks)
        with self._lock:
            for name in sorted({lane for task in tasks for lane in task.lanes} - {*self._lanes}):
                lane = LaneWorker(name, self._exports, self._fan_out, self._context, self._releaser)
                self._lanes[name] = lane
                self._threads.start([lane])

    def _is_overdue(self, thread: Thread) -> bool:
        """Whether to go on without a thread: its server keeps it waiting, and the time is over."""
        left = self._context.time_left()
        if left is None or left > 0 or not isinstance(thread, Planner | LaneWorker | ReleaseWorker):
            return False
        silence = thread.pulse.silence
        if silence < _OVERTIME:
            return False
        thread.abandon(
            TransientError(
                f"The server has kept labferry waiting for {silence:.0f} s, and the time of this "
                "run is over (max_wait).",
                hint="The next run continues from here.",
            )
        )
        return True

    def _tasks(self) -> Sequence[ExportTask]:
        """What this run worked on: what earlier runs left comes first."""
        return [
            *(task for planner in self._planners for task in planner.carried),
            *(task for planner in self._planners for task in planner.new),
        ]

    def _clean_up(self) -> None:
        try:
            self._sweep()
        except LabferryError as error:
            self._problems.append(error)
        self._problems += retire(self._context, self._tasks())

    def _abandon(self) -> None:
        self._fan_out.abandon(self._context.stop.error)
        self._exports.close()

    def _sweep(self) -> None:
        unfinished = self._ledger.unfinished()
        self._context.spool.sweep({e.archive_id for e in unfinished if e.archive_id})

    def _redeliver(self, task: ExportTask) -> None:
        """Send off what is in the spool already; what is not there any more needs its lane."""
        try:
            archive = self._reopen(task)
            self._fan_out.offer(task, archive)
        except (IntegrityError, FullError) as error:
            _log.warning("%s is not in the spool any more: %s", task.export.archive_id, error)
            self._happened(task, Misplaced())
        except LabferryError as error:
            task.problems.append(error)
        else:
            self._fan_out.done(task, archive)

    def _reopen(self, task: ExportTask) -> SpoolArchive:
        archive = self._context.spool.open(declared_archive(task), md5=self._context.needs_md5)
        try:
            archive.resume()
            archive.verify()
        except LabferryError:
            archive.close()
            raise
        return archive

    def _settled(self, task: ExportTask, archive: SpoolArchive) -> None:
        """Every destination is through with an archive: is it enough?"""
        archive.close()
        try:
            if task.export.job.phase is Phase.VERIFIED and self._is_enough(task.export):
                self._happened(task, Delivered())
                self._context.spool.discard(archive.id)
        except LabferryError as error:
            task.problems.append(error)

    def _is_enough(self, export: Export) -> bool:
        have = {
            delivery.destination
            for delivery in self._ledger.deliveries(export.id)
            if delivery.state is DeliveryState.STORED
        }
        if self._context.config.require is not None:
            return len(have) >= self._context.config.require
        return bool(have) and self._context.required(export.source) <= have

    def _happened(self, task: ExportTask, event: Event) -> None:
        policy = self._context.policy(task.source)
        task.export = self._context.record(task.export, event, policy)


def _close(source: Source[Any]) -> None:
    try:
        source.close()
    except LabferryError as error:
        _log.warning("%s: closing failed: %s", source.name, redact(str(error)))
