"""Make the pictures: `python -m docs.pictures [FOLDER]`."""

import argparse
import shutil
import tempfile
from pathlib import Path

from .laboratory import Laboratory
from .page import photograph
from .svg import moving, still

_FOLDER = Path(__file__).parents[1] / "_static" / "pictures"

_WIDE = 120
"""Columns for what has long lines."""
_RESTORE = "labferry restore latest --source chem --to work"
_VERIFY = "labferry verify offsite 202603"


def main() -> None:
    """Make every picture, in place of all that were there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=_FOLDER)
    folder: Path = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as made:
        make(Path(made))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)
    for path in sorted(folder.iterdir()):
        print(f"{path}  {path.stat().st_size // 1000} kB")  # noqa: T201 - for who runs it


def make(folder: Path) -> None:
    """Make every picture in a folder that is there."""
    with tempfile.TemporaryDirectory() as home, Laboratory(Path(home)) as laboratory:
        laboratory.live_through_a_month()
        photograph(laboratory.report(), folder)
        recordings = {
            "sync": moving(laboratory.record("labferry sync")),
            "status": still(laboratory.record("labferry status", _WIDE)),
            "list": still(laboratory.record("labferry list --since 2d", _WIDE)),
            "restore": still(laboratory.record(_RESTORE, _WIDE)),
            "check": still(laboratory.record("labferry check", _WIDE)),
            "verify": still(laboratory.record(_VERIFY, _WIDE)),
        }
        with laboratory.away():
            recordings["problems"] = still(laboratory.record("labferry sync"))
        for name, picture in recordings.items():
            (folder / f"{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
