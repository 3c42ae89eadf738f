"""What observers are told when a run has ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from labferry.sdk.sink import Receipt

__all__ = ["ExportReport", "Outcome", "RunReport"]


class Outcome(StrEnum):
    """How one export, or one delivery of it, ended in this run."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ExportReport:
    """One export of a run.

    Attributes:
        source: The source's name.
        series: What was exported.
        title: The same for people.
        outcome: How it ended.
        exit_code: The exit code it would lead to if it were the only one.
        archive_id: The archive, once the server offered one.
        size: The archive's size in bytes, once known.
        receipts: What each destination that has it gave for it.
        problems: What went wrong, a sentence each, with the destination where it was one's.
    """

    source: str
    series: str
    title: str
    outcome: Outcome
    exit_code: int
    archive_id: str | None
    size: int | None
    receipts: tuple[Receipt, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run of `labferry sync`.

    Attributes:
        run: The run's number in the ledger.
        started: When it began, UTC.
        ended: When it ended, UTC.
        exit_code: What the process exits with.
        exports: What it worked on.
        problems: What went wrong outside any single export.
    """

    run: int
    started: datetime
    ended: datetime
    exit_code: int
    exports: tuple[ExportReport, ...]
    problems: tuple[str, ...]
