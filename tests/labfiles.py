"""Filesystems of fsspec's for tests: `labfiles://` in a folder, `labram://` in memory.

They stand for the drivers of others. labferry itself refuses this machine's files and memory.
"""

import shutil
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem


class LabFiles(LocalFileSystem):  # type: ignore[misc] # fsspec ships no types
    """The files below a folder."""

    protocol = "labfiles"


class LabRam(MemoryFileSystem):  # type: ignore[misc] # fsspec ships no types
    """The memory of a process."""

    protocol = "labram"

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:  # noqa: ANN401 - what fsspec takes
        found: str = super()._strip_protocol(str(path).removeprefix("labram://"))
        return found


for _kind in (LabFiles, LabRam):
    fsspec.register_implementation(_kind.protocol, _kind, clobber=True)


def install(folder: Path) -> str:
    """Make a folder that brings both to a process that has it in its `PYTHONPATH`."""
    info = folder / "labfiles-1.0.dist-info"
    info.mkdir(parents=True)
    shutil.copy(__file__, folder / "labfiles.py")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: labfiles\nVersion: 1.0\n")
    entries = "labfiles = labfiles:LabFiles\nlabram = labfiles:LabRam\n"
    (info / "entry_points.txt").write_text(f"[fsspec.specs]\n{entries}", "utf-8")
    return str(folder)
