"""Sums a run up: for the caller, the ledger and the observers."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.sdk import ExitCode, LabferryError, RunReport, redact
from labferry.sync.context import RunContext
from labferry.sync.export_task import ExportTask
from labferry.sync.freshness import standings
from labferry.sync.outcome import exit_code, is_complete, report_export
from labferry.sync.run_log import RunLog


class RunReporter:
    """Makes the report of a run.

    Args:
        context: The run.
        log: Its last lines.
    """

    def __init__(self, context: RunContext, log: RunLog) -> None:
        self._context = context
        self._ledger = context.ledger
        self._log = log

    def report(
        self,
        tasks: Sequence[ExportTask],
        planning: Mapping[str, Sequence[LabferryError]],
        others: Sequence[LabferryError],
    ) -> RunReport:
        """Note in the ledger how a run ended, and say so.

        Args:
            tasks: What it worked on.
            planning: What went wrong with each source outside any single export.
            others: What else went wrong.

        Raises:
            StateError: The ledger can't be written.
            FullError: Its disk is full.
        """
        stop = self._context.stop
        problems = [*(each for some in planning.values() for each in some), *others]
        exports = tuple(
            report_export(
                task,
                self._ledger.deliveries(task.export.id),
                self._context.required(task.export.source),
                self._context.routes[task.export.source],
            )
            for task in tasks
        )
        code = exit_code(exports, (problem.exit_code for problem in problems))
        ended = self._context.clock.now()
        report = RunReport(
            run=self._context.run,
            started=self._context.clock.began,
            ended=ended,
            exit_code=stop.exit_code if stop.requested else code,
            exports=exports,
            problems=_words(problems),
        )
        by_source = {source: _words(some) for source, some in planning.items()}
        with self._ledger.together():
            self._ledger.end_run(self._context.run, ended, report.exit_code)
            self._ledger.outcomes.note(report, by_source)
        freshness = tuple(standings(self._context.config, self._ledger))
        return self._completed(replace(report, freshness=freshness))

    def failure(self, error: Exception) -> RunReport:
        """The report on a run that could not go on: for the observers, and if it can be, kept."""
        stop, problem = self._context.stop, wrap_plugin_error(error, "The run")
        report = RunReport(
            run=self._context.run,
            started=self._context.clock.began,
            ended=self._context.clock.now(),
            exit_code=stop.exit_code if stop.requested else problem.exit_code,
            exports=(),
            problems=(redact(str(problem)),),
            log=self._log.lines,
        )
        with suppress(LabferryError):  # its disk may be what is full
            self._ledger.outcomes.note(report)
        return report

    def _completed(self, report: RunReport) -> RunReport:
        """A report with what only a look at the whole run can tell."""
        required = {source: self._context.required(source) for source in self._context.routes}
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


def _words(problems: Iterable[LabferryError]) -> tuple[str, ...]:
    return tuple(redact(str(problem)) for problem in problems)
