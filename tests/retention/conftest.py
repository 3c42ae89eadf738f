"""Archives as a destination lists them; and a machine with labferry, a server and folders."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from textwrap import dedent
from typing import Any
from zlib import crc32

import pytest
from tests.lab import Done, Lab, LabInProcess, environment

from labferry.sdk import (
    MANIFEST_SUFFIX,
    MARKER_KEY,
    Manifest,
    ManifestJob,
    ManifestSource,
    StoredArchive,
    archive_id,
)
from labferry.testing.rspace import JobTiming, Options, SimulatedRSpace

Stored = Callable[..., StoredArchive]

CONTENT = b"bytes"
NIGHT = datetime(2025, 3, 1, 2, 30, tzinfo=UTC)
VAULT = """\
    import os
    import signal
    from collections.abc import Sequence
    from dataclasses import replace
    from pathlib import Path

    from labferry.sdk import HeldError, RefusedError, SinkTraits, StoredArchive, hookimpl
    from labferry_local.sink import LocalSettings, LocalSink


    class Vault(LocalSink):
        '''A folder that holds, refuses or dies, as files beside it say.'''

        type = "vault"

        def hold(self, stored: StoredArchive) -> str:
            held = self._told("held", stored)
            return "locked until 2030" if held else ""

        def delete(self, stored: StoredArchive) -> None:
            if self._told("protected", stored):
                raise HeldError("The vault protects it.")
            if self._told("refused", stored):
                raise RefusedError("The vault says no.")
            if self._told("deadly", stored):
                manifest = self._path(stored.key + ".manifest.json")
                manifest.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            super().delete(stored)

        def _told(self, name: str, stored: StoredArchive) -> bool:
            file = self._root.with_name(name)
            return file.exists() and stored.manifest.archive_id in file.read_text().split()


    class Tomb(LocalSink):
        type = "tomb"
        traits = SinkTraits(can_delete=False)


    @hookimpl
    def labferry_sinks() -> Sequence[type]:
        return [Vault, Tomb]
"""


@dataclass
class RetentionLab(LabInProcess):
    """A machine with a server, and a plugin for vaults and tombs."""

    server: SimulatedRSpace = field(kw_only=True)
    nights: int = field(default=0, init=False)

    def configure(
        self, source: dict[str, Any] | None = None, **destinations: dict[str, Any]
    ) -> None:
        """Write the configuration; a destination is a vault with a retention, or has a type."""
        lines = ['state_dir = "state"', "[sources.lab]", 'type = "rspace"']
        lines += [
            f'url = "{self.server.url}"',
            'api_key = { env = "ALICE_KEY" }',
            'poll_interval = "2ms"',
        ]
        lines += [f"{key} = {json.dumps(value)}" for key, value in (source or {}).items()]
        for name, keys in destinations.items():
            (self.folder / name).mkdir(exist_ok=True)
            lines += [f"[destinations.{name}]", f'path = "{name}"']
            table = keys if "type" in keys else {"type": "vault", "retention": keys}
            lines += [f"{key} = {_toml(value)}" for key, value in table.items()]
        self.config.write_text("\n".join(lines))

    def run_apart(self, *arguments: str) -> Done:
        """Run labferry in a process of its own, which may die."""
        return Lab.run(self, *arguments)

    def store(self, *moments: datetime, at: str = "nas", **more: str) -> list[str]:
        """Put archives at a destination as another machine would have; returns their ids."""
        return [self._store(moment, at, **more) for moment in moments]

    def store_nights(self, count: int, at: str = "nas") -> list[str]:
        return self.store(*(NIGHT + timedelta(days=night) for night in range(count)), at=at)

    def held(self, at: str = "nas") -> list[str]:
        """The ids of the archives at a destination; each has its manifest."""
        paths = (path for path in (self.folder / at).rglob("*.*") if path.is_file())
        names = [path.name for path in paths if path.name != MARKER_KEY]
        archives = sorted(name for name in names if name.endswith(".zip"))
        assert sorted(names) == sorted([*archives, *(name + MANIFEST_SUFFIX for name in archives)])
        return [name.removesuffix(".zip") for name in archives]

    def tell(self, name: str, *ids: str) -> None:
        """Tell the vaults which archives they hold, refuse to delete, or die over."""
        (self.folder / name).write_text(" ".join(ids))

    def _store(self, moment: datetime, at: str, source: str = "lab", series: str = "user") -> str:
        self.nights += 1
        job, parameters = str(self.nights), {"format": "xml", "scope": "user"}
        put = self.put(
            at, source, moment, job=job, content=CONTENT, series=series, parameters=parameters
        )
        return put.id


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
    return json.dumps(value)


def _manifest(
    identity: str, moment: datetime, *, source: str, series: str, export_format: str = "xml"
) -> Manifest:
    return Manifest(
        labferry_manifest=1,
        archive_id=identity,
        file=f"{identity}.zip",
        size=len(CONTENT),
        sha256=sha256(CONTENT).hexdigest(),
        crc32=f"{crc32(CONTENT):08x}",
        source=ManifestSource(
            name=source,
            type="rspace",
            url="https://rspace.example.edu",
            series=series,
            parameters={"format": export_format, "scope": "user"},
        ),
        job=ManifestJob(id="1", submitted=moment, completed=moment),
    )


@pytest.fixture(scope="session")
def stored() -> Stored:
    """Make an archive that was asked for at some time."""

    def make(
        submitted: datetime,
        *,
        job: int = 1,
        source: str = "lab",
        series: str = "user",
        export_format: str = "xml",
    ) -> StoredArchive:
        identity = archive_id(submitted, source, str(job))
        manifest = _manifest(
            identity, submitted, source=source, series=series, export_format=export_format
        )
        return StoredArchive(f"{source}/{identity}.zip", len(CONTENT), manifest)

    return make


@pytest.fixture
def server() -> Iterator[SimulatedRSpace]:
    with SimulatedRSpace(options=Options(timing=JobTiming(queue=0.005, run=0.01))) as server:
        yield server
        assert server.errors == []


@pytest.fixture
def lab(
    tmp_path: Path, server: SimulatedRSpace, bytecode: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RetentionLab]:
    (tmp_path / "vaults.py").write_text(dedent(VAULT))
    info = tmp_path / "vaults-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[labferry]\nvaults = vaults\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vaults\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    variables = environment(tmp_path, bytecode, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    yield RetentionLab(tmp_path, variables, server=server)
    sys.modules.pop("vaults", None)
