"""Stores a file at a destination: `python -m tests.bench.storing TYPE SETTINGS FILE KEY CRC SHA`.

A process of its own, as the programs are that it is compared with. It gets ready, says so, and
stores once it is sent a line, as a sink does in a run. The digests are given: in a run they are
computed while the archive arrives.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from labferry.sdk import Digests, Sink
from labferry.spool import Declared, SpoolArchive
from labferry.testing.samples import MemoryCheckpoint, SampleManifest


def main(kind: str, settings: str, path: str, key: str, crc32: str, sha256: str) -> None:
    """Store it."""
    file, name = Path(path), Path(key).stem
    declared = Declared(name, "bench", key, file.stat().st_size, int(crc32))
    archive: Any = SpoolArchive(file, declared)
    archive.accept(Digests(sha256, int(crc32)))
    (sink_type,) = import_module(f"labferry_{kind}").labferry_sinks()
    sink: Sink[Any] = sink_type("bench", sink_type.Settings.model_validate(json.loads(settings)))
    sink.prepare()
    print("ready", flush=True)  # noqa: T201 - as said
    sys.stdin.readline()
    sink.store(archive, SampleManifest(archive), MemoryCheckpoint())
    sink.close()
    # As the command does: what idles in the background is not waited for.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
