"""How the cost of a sync grows with what there is to do."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from labferry.testing.rspace import ALICE_KEY

from .link import link
from .many import sync_of_many
from .notebook import notebook
from .results import MB, MIB, Curve, Plan, Point
from .site import Cost, Site, Table, source
from .storages import ssh_server

_SIZES = (64, 256, 1024, 4096)
_NUMBERS = (1, 50, 100, 200)
_DESTINATIONS = (1, 2, 4, 8)
_EACH = 128 * MIB
_RATE = 20 * MB


def growth(plan: Plan) -> list[Curve]:
    """By the size of an archive, the number of archives, and the number of destinations."""
    sizes = sorted({plan.size(size * MIB) for size in _SIZES})
    numbers = sorted({plan.count(number) for number in _NUMBERS})
    each = plan.size(_EACH)
    return [
        Curve(
            "archive size (MiB)",
            "one archive to a folder",
            [_point(size // MIB, _of_size(plan, size)) for size in sizes],
        ),
        Curve(
            "number of archives",
            "1 MiB each, from one account to a folder",
            [
                _point(number, sync_of_many(plan.place(f"number-{number}"), 1, number, 0.0))
                for number in numbers
            ],
        ),
        Curve(
            "number of destinations",
            f"one archive of {each // MIB} MiB to SFTP, each link of {_RATE // MB} MB/s",
            [_point(number, _to_many(plan, each, number)) for number in _DESTINATIONS],
        ),
    ]


def _of_size(plan: Plan, size: int) -> Cost:
    folder = plan.place(f"size-{size}")
    local = plan.place(f"size-{size}/at-local")
    with notebook(plan.place(f"size-{size}/server"), size) as server:
        return _sync(folder, server.url, {"nas": {"type": "local", "path": local}})


def _to_many(plan: Plan, size: int, number: int) -> Cost:
    folder = plan.place(f"destinations-{number}")
    with ExitStack() as stack:
        server = stack.enter_context(notebook(plan.place(f"server-{number}"), size))
        server = replace(server, port=stack.enter_context(link(server.port, _RATE)))
        ssh = stack.enter_context(ssh_server(folder))
        destinations = {}
        for name in (f"box{each}" for each in range(number)):
            (ssh.root / name).mkdir()
            port = stack.enter_context(link(ssh.port, _RATE))
            reached = replace(ssh, root=ssh.root / name, port=port)
            destinations[name] = {**reached.table, "upload_check": "auto"}
        return _sync(folder, server.url, destinations)


def _sync(folder: Path, url: str, destinations: Mapping[str, Table]) -> Cost:
    sources = {"lab": source(url, "ALICE_KEY")}
    return Site(folder, sources, destinations, {"ALICE_KEY": ALICE_KEY}).labferry("sync")


def _point(at: int, taken: Cost) -> Point:
    return Point(at, taken.seconds, taken.cpu)
