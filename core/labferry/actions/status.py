"""`labferry status`: how fresh and how well kept everything is, as this machine's ledger knows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from labferry.actions.session import Session
from labferry.config import Config
from labferry.ledger import FreshnessRow, existing_ledger
from labferry.sdk import Freshness
from labferry.sync.freshness import every_route, standings


class Level(IntEnum):
    """How monitoring takes it: the exit codes that its plugins have."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


class Matter(StrEnum):
    """What can be the matter with a source at a destination; in a word, for people."""

    NEVER = "never stored"
    INCOMPLETE = "incomplete"
    STALE = "old"
    DAMAGED = "damaged"
    FAILED = "failed"
    OVERDUE = "overdue"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Kept:
    """One source at one destination.

    Attributes:
        source: The source's name.
        destination: The destination's name.
        last_success: As of when the destination has everything that was last to be exported, UTC:
            of several series the one that is behind. Finding nothing new to store counts. None
            where something was never stored.
        last_stored: When its newest archive there was asked of the server, UTC.
        size: The size of that in bytes.
        copies: How many archives of the source are there.
        last_verified: When the copy there that was not read back longest was read back, UTC; None
            where one never was.
        next_due: By when that copy is to be read back, UTC; None where `verify` sets no time.
        pending: How many archives are still to be stored there.
        failing: How many copies there are damaged or gone.
        problem: Why the newest attempt failed, or what is wrong with a copy; empty where nothing
            is.
        required: Whether a run fails when this destination does.
    """

    source: str
    destination: str
    last_success: datetime | None
    last_stored: datetime | None
    size: int | None
    copies: int
    last_verified: datetime | None
    next_due: datetime | None
    pending: int
    failing: int
    problem: str
    required: bool


def status(session: Session) -> Sequence[Kept]:
    """One for each source and each of its destinations, in the order of the configuration.

    Nothing but the ledger is asked. Where there is none, nothing was ever stored.

    Raises:
        StateError: The ledger can't be used.
    """
    config = session.config
    return [_kept(config, standing) for standing in _standings(config)]


def judge(kept: Kept, max_age: timedelta, now: datetime) -> Level:
    """How bad it is.

    Critical: something is older than `max_age`, was never stored, or a copy is damaged or gone;
    a warning only, where the destination is not required. A warning: the newest attempt failed,
    or a copy is overdue to be read back.

    Args:
        kept: One source at one destination.
        max_age: How old the last success may be.
        now: The time.
    """
    found = {*matters(kept, now, max_age)}
    if found & {Matter.NEVER, Matter.INCOMPLETE, Matter.STALE, Matter.DAMAGED}:
        return Level.CRITICAL if kept.required else Level.WARNING
    return Level.WARNING if found & {Matter.FAILED, Matter.OVERDUE} else Level.OK


def matters(kept: Kept, now: datetime, max_age: timedelta | None = None) -> Iterator[Matter]:
    """What is the matter with a source at a destination, worst first. Whoever shows it asks here.

    Args:
        kept: One source at one destination.
        now: The time.
        max_age: How old the last success may be; None if that does not matter.
    """
    if kept.last_success is None:
        yield Matter.INCOMPLETE if kept.copies else Matter.NEVER
    elif max_age is not None and now - kept.last_success > max_age:
        yield Matter.STALE
    if kept.failing:
        yield Matter.DAMAGED
    if kept.problem:
        yield Matter.FAILED
    if kept.next_due is not None and kept.next_due < now:
        yield Matter.OVERDUE
    if kept.pending:
        yield Matter.PENDING


def _standings(config: Config) -> Sequence[FreshnessRow]:
    with existing_ledger(config.state_dir) as ledger:
        if ledger is not None:
            return standings(config, ledger)
    routes = every_route(config)
    return [FreshnessRow(Freshness(name, to)) for name, route in routes.items() for to in route]


def _kept(config: Config, standing: FreshnessRow) -> Kept:
    freshness = standing.freshness
    settings = config.destinations[freshness.destination].settings
    every = settings.verify.every if settings.verify else None
    since = standing.unread_since
    return Kept(
        source=freshness.source,
        destination=freshness.destination,
        last_success=standing.freshness.last_success,
        last_stored=freshness.last_stored,
        size=freshness.size,
        copies=freshness.copies,
        last_verified=freshness.last_verified,
        next_due=since + every if since is not None and every is not None else None,
        pending=freshness.pending,
        failing=standing.failing,
        problem=freshness.problem,
        required=settings.required,
    )
