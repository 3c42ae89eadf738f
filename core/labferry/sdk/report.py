"""What observers get when a run begins and when it has ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from labferry.sdk.archive import DownloadCheck
from labferry.sdk.names import Names
from labferry.sdk.sink import Receipt

__all__ = ["ExportReport", "Freshness", "MissingCopy", "Outcome", "RunReport", "RunStarted"]


class Outcome(StrEnum):
    """How one export, or one delivery of it, ended in this run."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MissingCopy:
    """A destination that was to have the archive of an export, and does not.

    Attributes:
        destination: The destination's name.
        outcome: `pending` where the next run goes on with it, else `failed`.
        problem: Why it failed; empty where nobody knows.
    """

    destination: str
    outcome: Outcome
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.destination}: {self.problem}"


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
        seconds: How long it took, over all runs, from asking for it until its archive was verified
            on this machine; None where it was not.
        missing: The destinations that were to have the archive and don't, once it was verified or
            where storing it failed.
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
    seconds: float | None = None
    missing: tuple[MissingCopy, ...] = ()


@dataclass(frozen=True, slots=True)
class Freshness:
    """How well one source is kept at one destination, as the ledger knows it.

    Attributes:
        source: The source's name.
        destination: The destination's name.
        last_stored: When its newest archive there was asked of the server, UTC: the age of what
            could be restored. None if nothing is stored.
        size: The size of that archive in bytes.
        copies: How many archives of the source are there.
        last_verified: When the least recently verified copy there was last read back, UTC; None
            if one never was.
        pending: How many archives are still to be stored there.
        problem: Why the newest attempt failed, or what is wrong with a copy; empty if nothing is.
        last_success: As of when the destination has everything that the source last planned to
            export, UTC. If the source has several series, the one that is behind counts. An
            export that found nothing new counts too. None if a series was never stored.
        seconds: How long the newest archive there took, over all runs, from asking for it until
            it was stored there; None if the ledger only found it there.
        failing: How many copies there are damaged or missing.
        next_due: By when the least recently verified copy there must be read back, UTC; None if
            `verify` sets no time.
        required: Whether a run fails if this destination fails.
        download_check: How well that archive could be checked when it came from its server; None
            if nothing is stored, or an older labferry did not say.
        names: Whose work the source exports, by the newest names that this machine knows.
        never_stored: Those of them whose work is not there, although it was last planned.
    """

    source: str
    destination: str
    last_stored: datetime | None = None
    size: int | None = None
    copies: int = 0
    last_verified: datetime | None = None
    pending: int = 0
    problem: str = ""
    last_success: datetime | None = None
    seconds: float | None = None
    failing: int = 0
    next_due: datetime | None = None
    required: bool = True
    download_check: DownloadCheck | None = None
    names: tuple[Names, ...] = ()
    never_stored: tuple[Names, ...] = ()


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run of `labferry sync` that begins.

    Attributes:
        run: The run's number in the ledger.
        started: When it began, UTC.
        sources: The names of the sources that it exports.
        destinations: The names of the destinations that their archives go to.
    """

    run: int
    started: datetime
    sources: tuple[str, ...]
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run of `labferry sync`.

    Attributes:
        run: The run's number in the ledger; 0 for one that could not begin.
        started: When it began, UTC.
        ended: When it ended, UTC.
        exit_code: What the process exits with.
        exports: What it worked on.
        problems: What went wrong outside any single export.
        freshness: How each source stands at each of its destinations after this run; empty where
            that is not known, as after a run that could not begin.
        complete: Whether it ended with exit code 0 and every required destination has a checked
            copy of what its sources last exported: only then is all well.
        previous_exit_code: What the last run before it exited with that was neither stopped nor
            left an export unfinished. None where there is none.
        log: The last lines that were logged in it, errors, warnings and what went well, without
            secrets.
    """

    run: int
    started: datetime
    ended: datetime
    exit_code: int
    exports: tuple[ExportReport, ...]
    problems: tuple[str, ...]
    freshness: tuple[Freshness, ...] = ()
    complete: bool = False
    previous_exit_code: int | None = None
    log: tuple[str, ...] = ()
