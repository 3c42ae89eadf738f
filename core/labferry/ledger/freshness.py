"""How well each source is kept at each destination, as far as the ledger knows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from operator import itemgetter

from labferry.ledger.series_names import KnownNames, SeriesNames
from labferry.ledger.store import Store
from labferry.ledger.timestamps import moment
from labferry.sdk import DownloadCheck, Freshness, Names

_PRESENT = "stored_at IS NOT NULL AND removing_at IS NULL AND away_since IS NULL"
_OPEN = "phase NOT IN ('done', 'unchanged', 'failed')"
_SERIES = "json_extract(request, '$.series')"
_SECOND = 1_000_000
"""In the microseconds that a copy's times are counted in."""


@dataclass(slots=True)
class _Pair:
    """The present copies of a source at a destination.

    Attributes:
        newest: For each series, when its newest copy was asked of the server.
        size: The size of the newest of all.
        seconds: How long that took, from asking the server until it was stored.
        download_check: How well that could be checked when it came from its server.
        copies: How many there are.
        verified_at: For each series, when the copy was read back that was not for longest; -1
            where one never was.
        unread_since: For each series the same, but when it was stored where it never was.
        failing: How many copies are known to be damaged or gone.
        problem: What is wrong with one of them.
    """

    newest: dict[str, int] = field(default_factory=dict)
    size: int | None = None
    seconds: float | None = None
    download_check: DownloadCheck | None = None
    copies: int = 0
    verified_at: list[int] = field(default_factory=list)
    unread_since: list[int] = field(default_factory=list)
    failing: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What the ledger knows of the newest exports of a source.

    Attributes:
        series: What was last planned, each with the run that last found nothing new in it.
        names: Whose work each series of the source is, as far as it is known.
        problems: What went wrong, for all destinations (under an empty name) or for one.
        having: For each unfinished export, the destinations that have it.
    """

    series: Mapping[str, int | None]
    names: Mapping[str, KnownNames]
    problems: Mapping[str, str]
    having: Sequence[frozenset[str]]


def standings(
    store: Store, routes: Mapping[str, Sequence[str]], verify_every: Mapping[str, timedelta]
) -> Sequence[Freshness]:
    """How each source stands at each of its destinations.

    Args:
        store: The ledger's database.
        routes: For each source its destinations.
        verify_every: How often each copy must be read back, for each destination with a schedule.
    """
    pairs = _pairs(store)
    found = []
    for source, destinations in routes.items():
        attempt = _attempt(store, source)
        found += [
            _standing(
                source, name, pairs.get((source, name), _Pair()), attempt, verify_every.get(name)
            )
            for name in destinations
        ]
    return found


def _standing(
    source: str, destination: str, pair: _Pair, attempt: _Attempt, every: timedelta | None
) -> Freshness:
    problem = attempt.problems.get(destination) or attempt.problems.get("", "")
    verified_at = min(pair.verified_at, default=-1)
    unread_since = moment(min(pair.unread_since, default=None))
    return Freshness(
        source=source,
        destination=destination,
        last_stored=moment(max(pair.newest.values(), default=None)),
        size=pair.size,
        copies=pair.copies,
        last_verified=None if verified_at < 0 else moment(verified_at),
        pending=sum(destination not in having for having in attempt.having),
        problem=problem or pair.problem,
        last_success=moment(_last_success(pair, attempt)),
        seconds=pair.seconds,
        failing=pair.failing,
        next_due=unread_since + every if unread_since is not None and every is not None else None,
        download_check=pair.download_check,
        names=_called(attempt, attempt.series or pair.newest),
        never_stored=_called(attempt, attempt.series.keys() - pair.newest.keys()),
    )


def _called(attempt: _Attempt, series: Iterable[str]) -> tuple[Names, ...]:
    known = {attempt.names[each].names for each in series if each in attempt.names}
    return tuple(sorted(known, key=str))


def _last_success(pair: _Pair, attempt: _Attempt) -> int | None:
    """When the series that is behind was last stored, or found to be what was stored."""
    moments = [
        max(pair.newest[series], unchanged or 0)
        for series, unchanged in attempt.series.items()
        if series in pair.newest
    ]
    return min(moments) if moments and len(moments) == len(attempt.series) else None


def _pairs(store: Store) -> Mapping[tuple[str, str], _Pair]:
    pairs: dict[tuple[str, str], _Pair] = {}
    # One look at each copy, in the order of the index: there may be hundreds of thousands.
    for source, destination, series, newest, count, verified_at, unread_since in store.rows(
        "SELECT source, destination, series, max(submitted_at), count(*), "  # noqa: S608 - ours
        "min(coalesce(verified_at, -1)), min(coalesce(checked_at, stored_at)) FROM copies "
        f"WHERE {_PRESENT} GROUP BY source, destination, series"
    ):
        pair = pairs.setdefault((source, destination), _Pair())
        pair.newest[series] = newest
        pair.copies += count
        pair.verified_at.append(verified_at)
        pair.unread_since.append(unread_since)
    for place, pair in pairs.items():
        series, newest = max(pair.newest.items(), key=itemgetter(1))
        pair.size, pair.seconds, pair.download_check = _newest(store, *place, series, newest)
    for source, destination, count, problem in store.rows(
        "SELECT source, destination, count(*), min(problem) FROM copies "
        "WHERE problem <> '' AND removing_at IS NULL AND away_since IS NULL "
        "GROUP BY destination, source"
    ):
        pair = pairs.setdefault((source, destination), _Pair())
        pair.failing, pair.problem = count, problem
    return pairs


def _newest(
    store: Store, *copy: str | int
) -> tuple[int | None, float | None, DownloadCheck | None]:
    """The size of a copy, the seconds that it took, and how well it could be checked."""
    rows = store.rows(
        "SELECT size, CASE WHEN export IS NOT NULL THEN stored_at - submitted_at END, "  # noqa: S608 - ours
        f"download_check FROM copies INDEXED BY copies_present WHERE {_PRESENT} AND source = ? "
        "AND destination = ? AND series = ? AND submitted_at = ? LIMIT 1",
        *copy,
    )
    # It may have been removed meanwhile.
    size, length, check = rows[0] if rows else (None, None, None)
    # A clock that was set back meanwhile says nothing of a length of time.
    seconds = length / _SECOND if length is not None and length >= 0 else None
    return size, seconds, DownloadCheck(check) if check else None


def _attempt(store: Store, source: str) -> _Attempt:
    newest = store.rows("SELECT max(run) FROM exports WHERE source = ?", source)[0][0] or 0
    problems, series = {}, {}
    rows = store.rows(
        f"SELECT id, {_SERIES}, phase, json_extract(job, '$.reason') FROM exports "  # noqa: S608 - ours
        "WHERE source = ? AND run = ? UNION ALL SELECT id, NULL, phase, '' FROM exports "
        f"INDEXED BY exports_open WHERE source = ? AND run <> ? AND {_OPEN}",
        source,
        newest,
        source,
        newest,
    )
    having = []
    for export, name, phase, reason in rows:
        if name is not None:
            series[name] = _unchanged(store, source, name)
        if phase == "failed":
            problems[""] = reason
        deliveries = store.rows(
            "SELECT destination, state, reason FROM deliveries WHERE export = ?", export
        )
        problems.update({where: why for where, state, why in deliveries if state == "failed"})
        if phase not in {"done", "unchanged", "failed"}:
            having.append(frozenset(name for name, state, _ in deliveries if state == "stored"))
    problems.setdefault("", _planning_problem(store, source))
    return _Attempt(series, SeriesNames(store).of(source), problems, having)


def _planning_problem(store: Store, source: str) -> str:
    """Why the last run that tried could not ask a source's server; empty if it could."""
    rows = store.rows(
        "SELECT reason FROM outcomes WHERE source = ? AND series = '' AND title = '' "
        "AND run = (SELECT max(run) FROM outcomes WHERE source = ?) ORDER BY id LIMIT 1",
        source,
        source,
    )
    return rows[0][0] if rows else ""


def _unchanged(store: Store, source: str, series: str) -> int | None:
    """When the last run began that found nothing new in a series."""
    rows = store.rows(
        f"SELECT 1000000 * strftime('%s', started_at) FROM runs WHERE id = (SELECT max(run) "  # noqa: S608 - ours
        f"FROM exports WHERE source = ? AND {_SERIES} = ? AND phase = 'unchanged')",
        source,
        series,
    )
    return rows[0][0] if rows else None
