"""How a run went: one report for each export, and the exit code of it all."""

from collections.abc import Collection, Iterable, Sequence

from labferry.engine.work import Work
from labferry.ledger import Delivery, DeliveryState
from labferry.lifecycle import Phase
from labferry.sdk import ExportReport, Outcome, Receipt, redact

__all__ = ["exit_code", "report_export"]

_PARTIAL = 3
_INTEGRITY = 4
_REFUSED = 5
_UNFINISHED = 75


def report_export(
    work: Work, deliveries: Sequence[Delivery], required: Collection[str]
) -> ExportReport:
    """What became of one export in this run.

    Args:
        work: The export.
        deliveries: How its deliveries went.
        required: The destinations whose failure is the run's.
    """
    export = work.export
    failed = [d for d in deliveries if d.state is DeliveryState.FAILED]
    job_problems = [str(problem) for problem in work.problems]
    if export.job.reason:
        job_problems.append(export.job.reason)
    code = _code(work, [d for d in failed if d.destination in required])
    problems = [*job_problems, *(f"{d.destination}: {d.reason}" for d in failed)]
    return ExportReport(
        source=export.source,
        series=export.request.series,
        title=export.request.title,
        outcome=_outcome(code),
        exit_code=code,
        archive_id=export.archive_id,
        size=export.job.offer.size if export.job.offer else None,
        receipts=tuple(d.receipt for d in deliveries if isinstance(d.receipt, Receipt)),
        problems=tuple(redact(problem) for problem in problems),
    )


def exit_code(exports: Iterable[ExportReport], problems: Iterable[int]) -> int:
    """The exit code of a run, from its exports and the codes of what else went wrong."""
    reports = list(exports)
    codes = {*problems, *(report.exit_code for report in reports)} - {0}
    if _INTEGRITY in codes:
        return _INTEGRITY
    failures = codes - {_UNFINISHED}
    if failures and any(report.receipts for report in reports):
        return _PARTIAL
    if failures:
        return _REFUSED if failures == {_REFUSED} else 1
    return _UNFINISHED if codes else 0


def _code(work: Work, failed: Sequence[Delivery]) -> int:
    job = work.export.job
    if job.phase is Phase.DONE:
        return 0
    if job.phase is Phase.FAILED:
        return job.exit_code
    codes = {d.exit_code for d in failed} | {problem.exit_code for problem in work.problems}
    return next((code for code in (_INTEGRITY, _REFUSED, 1) if code in codes), _UNFINISHED)


def _outcome(code: int) -> Outcome:
    known = {0: Outcome.STORED, _UNFINISHED: Outcome.PENDING}
    return known.get(code, Outcome.FAILED)
