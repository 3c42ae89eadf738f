"""`labferry status`: how fresh and how well kept everything is, as this machine's ledger knows."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from labferry.actions.session import Session
from labferry.ledger import existing_ledger
from labferry.runtime.units import show_seconds
from labferry.sdk import Freshness
from labferry.sync.freshness import standings


class Level(IntEnum):
    """How bad it is: the exit codes of monitoring plugins."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3

    @property
    def word(self) -> str:
        """The name in small letters, as in JSON."""
        return self.name.lower()


class Matter(StrEnum):
    """What can be the matter with a source at a destination; in a word, for people."""

    NEVER = "never stored"
    INCOMPLETE = "incomplete"
    STALE = "old"
    DAMAGED = "damaged"
    FAILED = "failed"
    OVERDUE = "overdue"
    PENDING = "pending"


def status(session: Session) -> Sequence[Freshness]:
    """One for each source and each of its destinations, in the order of the configuration.

    Only the ledger is asked. If there is none, nothing was ever stored.

    Raises:
        StateError: The ledger can't be used.
    """
    with existing_ledger(session.config.state_dir) as ledger:
        return standings(session.config, ledger)


def judge(row: Freshness, max_age: timedelta, now: datetime) -> Level:
    """How bad it is.

    Critical: something is older than `max_age`, was never stored, or a copy is damaged or missing;
    only a warning if the destination is not required. A warning: the newest attempt failed, or a
    copy is overdue to be read back.

    Args:
        row: One source at one destination.
        max_age: How old the last success may be.
        now: The time.
    """
    found = {*matters(row, now, max_age)}
    if found & {Matter.NEVER, Matter.INCOMPLETE, Matter.STALE, Matter.DAMAGED}:
        return Level.CRITICAL if row.required else Level.WARNING
    return Level.WARNING if found & {Matter.FAILED, Matter.OVERDUE} else Level.OK


def matters(row: Freshness, now: datetime, max_age: timedelta | None = None) -> Iterator[Matter]:
    """What is the matter with a source at a destination, worst first. Whoever shows it asks here.

    Args:
        row: One source at one destination.
        now: The time.
        max_age: How old the last success may be; None if that does not matter.
    """
    if row.last_success is None:
        yield Matter.INCOMPLETE if row.copies else Matter.NEVER
    elif max_age is not None and now - row.last_success > max_age:
        yield Matter.STALE
    if row.failing:
        yield Matter.DAMAGED
    if row.problem:
        yield Matter.FAILED
    if row.next_due is not None and row.next_due < now:
        yield Matter.OVERDUE
    if row.pending:
        yield Matter.PENDING


def describe(matter: Matter, row: Freshness, now: datetime) -> str:
    """What is the matter, in words, with all that is known of it.

    Args:
        matter: One that `matters` found.
        row: One source at one destination.
        now: The time.
    """
    if matter is Matter.STALE and row.last_success is not None:
        return f"{show_seconds((now - row.last_success).total_seconds())} old"
    facts = {
        Matter.INCOMPLETE: "something was never stored",
        Matter.DAMAGED: f"{row.failing} damaged or missing",
        Matter.FAILED: row.problem,
        Matter.OVERDUE: "overdue to be read back",
        Matter.PENDING: f"{row.pending} pending",
    }
    return facts.get(matter, str(matter))
