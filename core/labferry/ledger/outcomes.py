"""How each run and each of its exports ended, with the reasons: kept for good, a small row each."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from labferry.ledger.records import Run
from labferry.ledger.store import Store
from labferry.ledger.timestamps import read_time
from labferry.sdk import ExportReport, Outcome, RunReport
from labferry.sdk.secrets import redact_stored

_AT_A_TIME = 500
_COLUMNS = "run, source, series, title, destination, outcome, exit_code, archive_id, size, reason"


@dataclass(frozen=True, slots=True)
class PastDelivery:
    """What became of an archive at one destination in a run.

    Attributes:
        destination: The destination's name.
        outcome: Whether it is there.
        reason: Why it is not; empty if it is.
    """

    destination: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class PastExport:
    """What became of one export in a run.

    Attributes:
        source: The source's name.
        series: What was exported.
        title: The same for people.
        outcome: How it ended in this run.
        exit_code: The exit code that it led to.
        archive_id: The archive, once the server offered one.
        size: The archive's size in bytes, once known.
        reason: What went wrong, or is worth a warning; empty if nothing is.
        deliveries: What became of it at each destination.
    """

    source: str
    series: str
    title: str
    outcome: Outcome
    exit_code: int
    archive_id: str | None
    size: int | None
    reason: str
    deliveries: tuple[PastDelivery, ...] = ()


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run, as the ledger remembers it. Times are UTC.

    Attributes:
        run: Its number.
        started: When it began.
        ended: When it ended; None if it was killed, or is at work.
        exit_code: How it ended; None likewise.
        exports: What it worked on. If it was killed, what no later run took over.
        problems: What went wrong apart from single exports; if sources were chosen, with these.
    """

    run: int
    started: datetime
    ended: datetime | None
    exit_code: int | None
    exports: tuple[PastExport, ...] = ()
    problems: tuple[str, ...] = ()


class Outcomes:
    """The outcomes in a ledger.

    Args:
        store: Its database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(
        self, report: RunReport, by_source: Mapping[str, Collection[str]] | None = None
    ) -> None:
        """Remember a run's exports and problems; all of them or none.

        Args:
            report: How the run went.
            by_source: Those of its problems that are one source's.
        """
        with self._store.transaction():
            for values in _rows(report, by_source or {}):
                self._store.execute(
                    f"INSERT INTO outcomes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - ours
                    *values,
                )

    def sources(self) -> Sequence[str]:
        """The names of all sources that any run worked on."""
        rows = self._store.rows(
            "SELECT source FROM outcomes WHERE source <> '' UNION SELECT source FROM exports"
        )
        return [row[0] for row in rows]

    def runs(
        self, since: datetime | None = None, sources: Collection[str] = ()
    ) -> Iterator[PastRun]:
        """The runs, oldest first, some at a time: there may be many.

        Args:
            since: Leave out what began before.
            sources: Only what is about these; all if there are none. A run with nothing about
                them is left out.
        """
        begin = since or datetime.min.replace(tzinfo=UTC)
        found = [run for run in self._all_runs() if run.started_at >= begin]
        for at in range(0, len(found), _AT_A_TIME):
            some = found[at : at + _AT_A_TIME]
            rows = {**self._left(some[0].id, some[-1].id), **self._between(some[0].id, some[-1].id)}
            for run in some:
                past = _past(run, rows.get(run.id, ()), sources)
                if not sources or past.exports or past.problems:
                    yield past

    def _all_runs(self) -> Sequence[Run]:
        rows = self._store.rows("SELECT id, started_at, ended_at, exit_code FROM runs ORDER BY id")
        return [
            Run(number, read_time(began), read_time(ended) if ended else None, code)
            for number, began, ended, code in rows
        ]

    def _left(self, first: int, last: int) -> Mapping[int, Sequence[tuple[Any, ...]]]:
        """Of runs that noted nothing, because they were killed or are at work: their own exports.

        What a later run took over is that run's.
        """
        rows = [row[:10] for row in self._store.rows(_LEFT, first, last, first, last)]
        return {run: [*some] for run, some in groupby(rows, itemgetter(0))}

    def _between(self, first: int, last: int) -> Mapping[int, Sequence[tuple[Any, ...]]]:
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM outcomes WHERE run BETWEEN ? AND ? ORDER BY run, id",  # noqa: S608 - ours
            *(first, last),
        )
        return {run: [*some] for run, some in groupby(rows, itemgetter(0))}


_LEFT = """
    SELECT e.run, e.source, json_extract(e.request, '$.series') AS series,
        coalesce(json_extract(e.request, '$.title'), '') AS title, '' AS destination,
        CASE e.phase WHEN 'done' THEN 'stored' WHEN 'unchanged' THEN 'unchanged'
            WHEN 'failed' THEN 'failed' ELSE 'pending' END,
        0, NULL, json_extract(e.job, '$.offer.size'),
        CASE e.phase WHEN 'failed' THEN json_extract(e.job, '$.reason') ELSE '' END, e.id
    FROM exports e WHERE e.run BETWEEN ? AND ? AND e.run NOT IN (SELECT run FROM outcomes)
    UNION ALL
    SELECT e.run, e.source, json_extract(e.request, '$.series'),
        coalesce(json_extract(e.request, '$.title'), ''), d.destination, d.state, 0, NULL, NULL,
        d.reason, e.id
    FROM deliveries d JOIN exports e ON e.id = d.export
    WHERE e.run BETWEEN ? AND ? AND e.run NOT IN (SELECT run FROM outcomes)
    ORDER BY 1, 11, 5
"""


def _rows(
    report: RunReport, by_source: Mapping[str, Collection[str]]
) -> Iterator[tuple[str | int | None, ...]]:
    sources = {problem: source for source, some in by_source.items() for problem in some}
    for problem in report.problems:
        about = (report.run, sources.get(problem, ""), "", "", "")
        yield (*about, Outcome.FAILED, report.exit_code, None, None, problem)
    for export in report.exports:
        whole = (report.run, export.source, redact_stored(export.series), export.title)
        archive = (export.archive_id, export.size)
        at_one = [f"{each.destination}: " for each in export.missing]
        reason = "\n".join(
            each for each in export.problems if not each.startswith(tuple(at_one) or "\0")
        )
        yield (*whole, "", export.outcome, export.exit_code, *archive, reason)
        for destination, outcome, why in _deliveries(export):
            yield (*whole, destination, outcome, 0, None, None, why)


def _deliveries(export: ExportReport) -> Iterator[tuple[str, Outcome, str]]:
    for receipt in export.receipts:
        yield receipt.destination, Outcome.STORED, ""
    for each in export.missing:
        yield each.destination, each.outcome, each.problem


def _past(run: Run, rows: Iterable[tuple[Any, ...]], sources: Collection[str]) -> PastRun:
    exports: list[PastExport] = []
    problems: list[str] = []
    delivered: dict[int, list[PastDelivery]] = {}
    for _, source, series, title, destination, outcome, code, archive_id, size, reason in rows:
        if sources and source not in sources:
            continue
        if not (series or title):
            problems.append(reason)
        elif destination:
            delivery = PastDelivery(destination, Outcome(outcome), reason)
            delivered.setdefault(len(exports), []).append(delivery)
        else:
            exports.append(
                PastExport(source, series, title, Outcome(outcome), code, archive_id, size, reason)
            )
    return PastRun(
        run.id,
        run.started_at,
        run.ended_at,
        run.exit_code,
        tuple(
            replace(export, deliveries=tuple(delivered.get(number, ())))
            for number, export in enumerate(exports, 1)
        ),
        tuple(problems),
    )
