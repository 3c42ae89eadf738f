"""Many small exports, and many sources with nothing to export."""

from collections.abc import Mapping
from pathlib import Path

from labferry.testing.rspace import (
    BigArchive,
    JobTiming,
    Kind,
    Options,
    Record,
    SimulatedRSpace,
    User,
    World,
)

from .results import MIB, Plan, Row
from .site import Cost, Site, Table, source

_KEYS = 4
_EXPORTS = 200
_SOURCES = 100
_JOB_SECONDS = 0.5


def exports(plan: Plan) -> list[Row]:
    """Over four keys, beside a client that loses no moment."""
    each = plan.count(_EXPORTS // _KEYS)
    taken = sync_of_many(plan.folder, _KEYS, each, _JOB_SECONDS)
    # The server runs one export of a key at a time; all else could happen meanwhile.
    perfect = each * _JOB_SECONDS
    what = f"{each * _KEYS} exports of 1 MiB over {_KEYS} keys / perfect schedule"
    detail = f"labferry {taken.seconds:.2f} s, perfect {perfect:.2f} s"
    return [Row(what, taken.seconds / perfect, 1.2, detail=detail)]


def idle(plan: Plan) -> list[Row]:
    """The processor time of a sync that finds nothing to do."""
    users = [_user(number) for number in range(plan.count(_SOURCES))]
    options = Options(timing=JobTiming(queue=0.0, run=0.0, pool_size=len(users)))
    with SimulatedRSpace(_world(users, records=1), options) as server:
        sources = {user.username: {**_source(server, user), "skip_idle": True} for user in users}
        site = _site(plan.folder, sources, users)
        site.labferry("sync")
        made = len(server.exports)
        taken = site.labferry("sync")
        if len(server.exports) != made:
            raise RuntimeError("The second sync found something to export.")
    what = f"processor time of an idle sync of {len(users)} sources"
    return [Row(what, taken.cpu, 2.0, "s", f"{taken.seconds:.2f} s in all")]


def sync_of_many(folder: Path, keys: int, each: int, job_seconds: float) -> Cost:
    """Sync archives of 1 MiB to a folder.

    Args:
        folder: An empty folder.
        keys: How many users export.
        each: How many exports each of them has.
        job_seconds: How long the server takes for one.
    """
    timing = JobTiming(queue=0.0, run=job_seconds)
    users = [_user(number) for number in range(keys)]
    options = Options(archives=[BigArchive(MIB)], timing=timing)
    with SimulatedRSpace(_world(users, records=each), options) as server:
        sources = {
            f"{user.username}-{number}": {
                **_source(server, user),
                "scope": "selection",
                "selections": [_record(user, number)],
            }
            for user in users
            for number in range(each)
        }
        taken = _site(folder, sources, users).labferry("sync")
        if len(server.exports) != each * keys:
            raise RuntimeError(f"{len(server.exports)} exports were made.")
    return taken


def _user(number: int) -> User:
    return User(1000 + number, f"user{number}", f"benchBenchBenchBench{number:04}")


def _record(user: User, number: int) -> int:
    return user.id * 1000 + number


def _world(users: list[User], *, records: int) -> World:
    world = World(users=users)
    for user in users:
        name = user.username
        world.add(Record(_record(user, 999), name, name, Kind.FOLDER))
        world.add(*(Record(_record(user, number), f"n{number}", name) for number in range(records)))
    return world


def _source(server: SimulatedRSpace, user: User) -> Table:
    return source(server.url, user.username.upper())


def _site(folder: Path, sources: Mapping[str, Table], users: list[User]) -> Site:
    local = folder / "at-local"
    local.mkdir()
    keys = {user.username.upper(): user.key for user in users}
    return Site(folder, sources, {"nas": {"type": "local", "path": local}}, keys)
