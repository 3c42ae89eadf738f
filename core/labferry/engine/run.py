"""One run: plans, sets lanes and destinations to work, waits for them, and sums up."""

import logging
import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread
from typing import Any

from labferry.config import Config
from labferry.engine.context import RunContext
from labferry.engine.destination import DestinationWorker
from labferry.engine.handover import Belt, Handover
from labferry.engine.lane import LaneWorker, declared_archive
from labferry.engine.lock import run_lock
from labferry.engine.outcome import exit_code, report_export
from labferry.engine.planning import Plan, make_plan
from labferry.engine.stop import Stop
from labferry.engine.work import Work, WorkQueue
from labferry.ledger import DeliveryState, Export, Ledger
from labferry.lifecycle import Phase, advance
from labferry.lifecycle.events import Delivered, Event, Misplaced
from labferry.plugins import Plugins
from labferry.sdk import IntegrityError, LabferryError, RunReport, Source, redact
from labferry.spool import Spool, SpoolArchive

__all__ = ["run_sync"]

_log = logging.getLogger(__name__)
_GRACE = 3.5
"""Seconds for the threads to come to a safe end once a run is to stop; then the process ends
under them, which is safe as well."""


def run_sync(
    config: Config, plugins: Plugins, routes: Mapping[str, tuple[str, ...]], stop: Stop
) -> RunReport:
    """Export, verify and deliver.

    Args:
        config: The configuration, its secrets resolved.
        plugins: What is installed.
        routes: For each source to export, the destinations that its archives go to.
        stop: Ends the run.

    Returns:
        What happened. Where the run was stopped, end the process soon: threads of it that were
        in the middle of something may still be alive, and then hold the lock.

    Raises:
        LockHeldError: Another run is at work.
        StateError: The state folder, the ledger or the spool can't be used.
    """
    with ExitStack() as stack:
        stack.enter_context(run_lock(config.state_dir))
        ledger = Ledger(config.state_dir / "ledger.db")
        stack.callback(ledger.close)
        if ledger.set_aside is not None:
            _log.warning(
                "The ledger was damaged. It was set aside as %s, and a new one begun: "
                "at most one export of each source is repeated.",
                ledger.set_aside,
            )
        started = datetime.now(UTC)
        context = RunContext(
            run=ledger.begin_run(started),
            started=started,
            config=config,
            routes=routes,
            ledger=ledger,
            spool=Spool(config.spool_dir),
            hooks=plugins.hooks,
            stop=stop,
        )
        run = _Run(context)
        report = run.report()
        if run.has_live_threads:
            # They end with the process; until then the lock and the ledger stay theirs.
            stack.pop_all()
        return report


class _Run:
    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._ledger = context.ledger
        self._works: dict[int, Work] = {}
        self.has_live_threads = False

    def report(self) -> RunReport:
        context = self._context
        sources = {
            name: context.config.sources[name].kind(name, context.config.sources[name].settings)
            for name in context.routes
        }
        try:
            self._sweep()
            plan = make_plan(context, sources)
            self._works = {work.export.id: work for work in plan.work}
            self._work(plan)
            self._sweep()
            return self._sum_up(plan)
        finally:
            for source in sources.values():
                _close(source)

    def _sweep(self) -> None:
        unfinished = self._ledger.unfinished()
        self._context.spool.sweep({e.archive_id for e in unfinished if e.archive_id})

    def _work(self, plan: Plan) -> None:
        names = sorted({name for route in self._context.routes.values() for name in route})
        belts: dict[str, Belt] = {name: Belt() for name in names}
        handover = Handover(self._ledger, self._context.routes, belts, self._settled)
        destinations = [DestinationWorker(n, self._context, b, handover) for n, b in belts.items()]
        _start(destinations)
        queue = WorkQueue(self._hand_over_spooled(plan.work, handover))
        lanes = [LaneWorker(n, queue, handover, self._context) for n in sorted(queue.lanes)]
        _start(lanes)
        self._wait(lanes, handover)
        handover.close()
        self._wait(destinations, handover)

    def _hand_over_spooled(self, works: Collection[Work], handover: Handover) -> list[Work]:
        """Send off what is in the spool already; what is left needs its lane."""
        return [
            work
            for work in works
            if work.export.job.phase is not Phase.VERIFIED or not self._redeliver(work, handover)
        ]

    def _redeliver(self, work: Work, handover: Handover) -> bool:
        declared = declared_archive(work)
        archive = self._context.spool.open(declared, md5=self._context.needs_md5)
        try:
            archive.resume()
            archive.verify()
        except IntegrityError as error:
            _log.warning("%s in the spool is damaged: %s", archive.id, error)
            archive.close()
            self._happened(work, Misplaced())
            return False
        handover.offer(work.export, archive)
        handover.done(work.export, archive)
        return True

    def _settled(self, export: Export, archive: SpoolArchive) -> None:
        """Every destination is through with an archive: is it enough?"""
        work = self._works[export.id]
        archive.close()
        if work.export.job.phase is Phase.VERIFIED and self._is_enough(export):
            self._happened(work, Delivered())
            self._context.spool.discard(archive.id)

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

    def _wait(self, threads: Collection[Thread], handover: Handover) -> None:
        """Wait for the threads; once the run is to stop, only for a moment."""
        give_up_at: float | None = None
        for thread in threads:
            while thread.is_alive():
                thread.join(0.1)
                if self._context.stop.requested and give_up_at is None:
                    handover.abandon(self._context.stop.error)
                    give_up_at = time.monotonic() + _GRACE
                if give_up_at is not None and time.monotonic() > give_up_at:
                    self.has_live_threads = True
                    return

    def _happened(self, work: Work, event: Event) -> None:
        policy = self._context.policy(work.source)
        job = advance(work.export.job, event, datetime.now(UTC), policy)
        work.export = replace(work.export, job=job)
        self._ledger.save(work.export)

    def _sum_up(self, plan: Plan) -> RunReport:
        stop = self._context.stop
        exports = tuple(
            report_export(
                work, self._ledger.deliveries(work.export.id), self._required(work.export)
            )
            for work in plan.work
        )
        code = exit_code(exports, (problem.exit_code for problem in plan.problems))
        ended = datetime.now(UTC)
        report = RunReport(
            run=self._context.run,
            started=self._context.started,
            ended=ended,
            exit_code=stop.exit_code if stop.requested else code,
            exports=exports,
            problems=tuple(redact(str(problem)) for problem in plan.problems),
        )
        self._ledger.end_run(self._context.run, ended, report.exit_code)
        self._tell(report)
        return report

    def _tell(self, report: RunReport) -> None:
        try:
            self._context.hooks.labferry_run_finished(report=report)
        except Exception as error:  # noqa: BLE001 - an observer must not fail a backup
            _log.warning("An observer failed: %s: %s", type(error).__name__, redact(str(error)))


def _start(threads: Collection[Thread]) -> None:
    for thread in threads:
        thread.start()


def _close(source: Source[Any]) -> None:
    try:
        source.close()
    except LabferryError as error:
        _log.warning("%s: closing failed: %s", source.name, redact(str(error)))
