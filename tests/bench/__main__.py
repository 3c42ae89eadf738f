"""How long labferry takes, as ratios against what would be done instead, in one run.

`tox -e bench`, `tox -e bench -- --quick` for a first impression, `tox -e bench -- NAME…` for some.
All servers are started on this machine. Both sides of a ratio are measured in turn, several
times, and the median of the ratios is shown: on a busy machine the seconds say little, the ratios
more. The folder for temporary files ($TMPDIR) should be on a disk, with 70 GB to spare.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from . import books, download, growth, many, memory, starting, sync, tools, upload
from .results import Benchmark, Curve, Plan, Row
from .storages import S3Bucket, s3_store

BENCHMARKS: Mapping[str, Benchmark] = {
    "http": download.http,
    "https": download.https,
    "official": download.official,
    "spread": download.spread,
    "limited": sync.limited,
    "chain": sync.chain,
    "s3": upload.s3,
    "sftp": upload.sftp,
    "exports": many.exports,
    "memory": memory.memory,
    "start": starting.start,
    "idle": many.idle,
    "ledger": books.ledger,
    "growth": growth.growth,
}
_FULL = (1.0, 5)
_QUICK = (1 / 16, 2)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in BENCHMARKS]:
        parser.error(f"no such benchmark: {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}")
    scale, rounds = _QUICK if given.quick else _FULL
    conditions = _conditions(scale, rounds) if given.json else {}
    began = time.monotonic()
    found: list[Row | Curve] = []
    with s3_store() as bucket:
        for name in given.names or BENCHMARKS:
            for each in run(name, scale, rounds, bucket):
                print(each, flush=True)  # noqa: T201 - it is what the command is for
                found.append(each)
    print(f"It took {time.monotonic() - began:.0f} s.")  # noqa: T201 - as above
    if given.json:
        rows = [asdict(each) for each in found if isinstance(each, Row)]
        curves = [asdict(each) for each in found if isinstance(each, Curve)]
        document = {**conditions, "rows": rows, "curves": curves}
        given.json.write_text(json.dumps(document, indent=2) + "\n")


def run(
    name: str,
    scale: float,
    rounds: int,
    bucket: Callable[[], S3Bucket],
    folder: Path | None = None,
) -> Sequence[Row | Curve]:
    """Run one benchmark.

    Args:
        name: Its name.
        scale: 1 for the sizes that the goals name.
        rounds: How often to measure both sides of a ratio.
        bucket: Makes an empty bucket in a real S3 store.
        folder: Where to work, if not where temporary files belong.
    """
    with tempfile.TemporaryDirectory(prefix="labferry-bench-", dir=folder) as place:
        return BENCHMARKS[name](Plan(Path(place), scale, rounds, bucket))


def _conditions(scale: float, rounds: int) -> dict[str, object]:
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "scale": scale,
        "rounds": rounds,
        "machine": {
            "system": f"{platform.system()} {platform.release().partition('-')[0]}",
            "processor": platform.machine(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        },
        "beside": tools.versions(),
    }


if __name__ == "__main__":
    main()
