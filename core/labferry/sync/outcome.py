"""How a run went: one report for each export, and the exit code of it all."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from labferry.ledger import Delivery, DeliveryState
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import (
    ExitCode,
    ExportReport,
    MissingCopy,
    Outcome,
    Receipt,
    RunReport,
    StoppedError,
    redact,
)
from labferry.sync.export_task import ExportTask


def report_export(
    task: ExportTask,
    deliveries: Sequence[Delivery],
    required: Collection[str],
    route: Collection[str],
) -> ExportReport:
    """What became of one export in this run.

    Args:
        task: The export.
        deliveries: How its deliveries went.
        required: The destinations whose failure is the run's.
        route: All destinations that are to have it.
    """
    export = task.export
    failed = [d for d in deliveries if d.state is DeliveryState.FAILED]
    job_problems = [str(problem) for problem in task.problems]
    if export.job.phase is Phase.FAILED:
        job_problems.append(export.job.reason)
    if export.job.warning:
        job_problems.append(export.job.warning)
    # Where no destination has the archive, none of the failures is a mere warning.
    is_stored = any(d.state is DeliveryState.STORED for d in deliveries)
    counted = [d for d in failed if d.destination in required or not is_stored]
    code = _code(task, counted)
    problems = [*job_problems, *(f"{d.destination}: {d.reason}" for d in failed)]
    return ExportReport(
        source=export.source,
        series=export.request.series,
        title=export.request.title,
        outcome=_outcome(export.job.phase, code),
        exit_code=code,
        archive_id=export.archive_id,
        size=_size(export.job),
        receipts=tuple(d.receipt for d in deliveries if isinstance(d.receipt, Receipt)),
        problems=tuple(redact(problem) for problem in problems),
        seconds=_seconds(export.job),
        missing=tuple(_missing(export.job.phase, deliveries, route)),
    )


def _size(job: ExportJob) -> int | None:
    declared = job.offer.size if job.offer is not None else None
    return job.size if declared is None else declared


def exit_code(exports: Iterable[ExportReport], problems: Iterable[int]) -> int:
    """The exit code of a run, from its exports and the codes of what else went wrong."""
    reports = list(exports)
    return _combine(
        [*problems, *(report.exit_code for report in reports)],
        any_succeeded=any(report.receipts for report in reports),
    )


def is_complete(report: RunReport, required: Mapping[str, Collection[str]]) -> bool:
    """Whether all went well, and every destination that must have them has the newest archives.

    An exit code of 0 alone does not say so: where `require` is set, fewer are enough for it.

    Args:
        report: The run.
        required: For each of its sources, the destinations that must have its archives.
    """
    exported = {export.source for export in report.exports}
    return report.exit_code == 0 and not (
        any(
            not {*required.get(export.source, ())} <= {r.destination for r in export.receipts}
            for export in report.exports
            if export.outcome is Outcome.STORED
        )
        or any(
            row.pending or row.problem or (row.last_stored is None and row.source in exported)
            for row in report.freshness
            if row.destination in required.get(row.source, ())
        )
    )


def _missing(
    phase: Phase, deliveries: Sequence[Delivery], route: Collection[str]
) -> Iterator[MissingCopy]:
    known = {delivery.destination: delivery for delivery in deliveries}
    for name in dict.fromkeys([*route, *known]):
        delivery = known.get(name, Delivery(0, name))
        was_due = phase in {Phase.VERIFIED, Phase.DONE} or delivery.state is DeliveryState.FAILED
        if delivery.state is not DeliveryState.STORED and was_due:
            # Once others were enough, it has left the spool, and there is no next time.
            waits = delivery.state is DeliveryState.PENDING and phase is Phase.VERIFIED
            outcome = Outcome.PENDING if waits else Outcome.FAILED
            yield MissingCopy(name, outcome, redact(delivery.reason))


def _code(task: ExportTask, failed: Sequence[Delivery]) -> int:
    job = task.export.job
    if job.phase is Phase.UNCHANGED:
        return ExitCode.OK
    deliveries = [delivery.exit_code for delivery in failed]
    if job.phase is Phase.DONE:
        damaged = [code for code in deliveries if code == ExitCode.INTEGRITY]
        return _combine([*damaged, ExitCode.PARTIAL if job.warning else ExitCode.OK])
    if job.phase is Phase.FAILED:
        return job.exit_code
    problems = [problem for problem in task.problems if not isinstance(problem, StoppedError)]
    return _combine([ExitCode.NOT_FINISHED, *deliveries, *(each.exit_code for each in problems)])


def _combine(codes: Iterable[int], *, any_succeeded: bool = False) -> int:
    """As `ExitCode.combine`. Whatever a plugin says: a run that began is no mistake of usage."""
    return ExitCode.combine(
        (ExitCode.FAILED if code == ExitCode.USAGE else code for code in codes),
        any_succeeded=any_succeeded,
    )


def _seconds(job: ExportJob) -> float | None:
    if job.submitted_at is None or job.verified_at is None:
        return None
    return (job.verified_at - job.submitted_at).total_seconds()


def _outcome(phase: Phase, code: int) -> Outcome:
    ended = {Phase.DONE: Outcome.STORED, Phase.UNCHANGED: Outcome.UNCHANGED}
    return ended.get(phase, Outcome.PENDING if code == ExitCode.NOT_FINISHED else Outcome.FAILED)
