"""How much memory a sync takes, for a small archive and for a large one."""

import shutil
from pathlib import Path

from labferry.testing.rspace import ALICE_KEY, BigArchive, JobTiming, Options, SimulatedRSpace

from .nowhere import store_to_nowhere
from .results import GIB, MB, MIB, Plan, Row
from .site import Site, source
from .storages import ssh_server

_SMALL = 100 * MIB
_LARGE = 20 * GIB
_COPIES = 3
"""Of the large archive, on this disk: in the spool, in the folder, and at the SFTP server."""


def memory(plan: Plan) -> list[Row]:
    """Of a sync to a folder, S3 and SFTP."""
    large = min(plan.size(_LARGE), _affordable(plan.folder))
    small = min(_SMALL, large)
    peaks = [_peak(plan.place(name), size) for name, size in (("small", small), ("large", large))]
    detail = f"{peaks[0] / MB:.0f} MB for {small // MIB} MiB, {peaks[1] / MB:.0f} MB for the other"
    what = f"peak memory of a sync of {large // MIB} MiB"
    return [
        Row(what, max(peaks) / MB, 250, "MB", detail),
        Row(f"{what} / of {small // MIB} MiB", peaks[1] / peaks[0], 1.1, detail=detail),
    ]


def _affordable(folder: Path) -> int:
    """The largest archive that the disk has room for, with some to spare."""
    return int(shutil.disk_usage(folder).free * 0.95 / _COPIES) // MIB * MIB


def _peak(folder: Path, size: int) -> int:
    options = Options(archives=[BigArchive(size)], timing=JobTiming(queue=0.0, run=0.02))
    local = folder / "at-local"
    local.mkdir()
    with (
        SimulatedRSpace(options=options) as server,
        ssh_server(folder) as ssh,
        store_to_nowhere() as s3,
    ):
        site = Site(
            folder,
            {"lab": source(server.url, "ALICE_KEY")},
            {"nas": {"type": "local", "path": local}, "offsite": s3, "box": ssh.table},
            {"ALICE_KEY": ALICE_KEY},
        )
        try:
            return site.peak_memory("sync")
        finally:
            shutil.rmtree(folder)
