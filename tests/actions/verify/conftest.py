"""A machine with labferry, its server and two folders as destinations; verbs run in-process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.lab import LabInProcess, environment

from labferry.ledger import Copies, Ledger
from labferry.testing.rspace import SimulatedRSpace

CONFIG = """\
state_dir = "state"
{top}
[sources.chem]
type = "rspace"
url = "{url}"
api_key = {{ env = "ALICE_KEY" }}
scope = "user"
poll_interval = "10ms"
"""
PATIENCE = 30.0
SUFFIX = ".manifest.json"


@dataclass
class VerifyLab(LabInProcess):
    """A machine with a server, and two folders as destinations."""

    url: str = field(kw_only=True)
    settings: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def configure(self, *, top: str = "", **settings: str) -> None:
        """Write the configuration; settings are the further lines of a destination."""
        self.settings = settings or self.settings
        text = CONFIG.format(url=self.url, top=top)
        for name in ("nas", "offsite"):
            (self.folder / name).mkdir(exist_ok=True)
            text += f'\n[destinations.{name}]\ntype = "local"\npath = "{name}"\n'
            text += self.settings.get(name, "")
        self.config.write_text(text, encoding="utf-8")

    def sync(self, times: int = 1) -> list[str]:
        """Sync, and return the ids of all archives, oldest first."""
        for _ in range(times):
            done = self.run("sync")
            assert done.code == 0, done.err
        return self.ids()

    def ids(self, destination: str = "nas") -> list[str]:
        names = (path.stem for path in (self.folder / destination).rglob("*.zip"))
        return sorted(names, key=lambda name: int(name.rsplit("-", 1)[-1]))

    def archive(self, archive_id: str, destination: str = "nas") -> Path:
        (path,) = (self.folder / destination).rglob(f"{archive_id}.zip")
        return path

    def manifest(self, archive_id: str, destination: str = "nas") -> Path:
        path = self.archive(archive_id, destination)
        return path.with_name(path.name + SUFFIX)

    def damage(self, archive_id: str, destination: str = "nas") -> None:
        """Flip one bit in the middle, as a disk does."""
        path = self.archive(archive_id, destination)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)

    def remove(self, archive_id: str, destination: str = "nas") -> None:
        path = self.archive(archive_id, destination)
        path.with_name(path.name + SUFFIX).unlink()
        path.unlink()

    def forget(self) -> None:
        """Lose the state folder."""
        for path in sorted(self.state.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        self.state.rmdir()

    def contents(self, destination: str = "nas") -> dict[str, bytes]:
        root = self.folder / destination
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }

    def ledger(self, look: Callable[[Copies], Any]) -> Any:  # noqa: ANN401 - whatever it sees
        """Look at what the ledger knows."""
        ledger = Ledger(self.state / "ledger.db", mend=False)
        try:
            return look(ledger.copies)
        finally:
            ledger.close()

    def start_script(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """Run a script in a process of its own, in the machine's folder."""
        variables = {**self.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            cwd=self.folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.started.append(process)
        return process


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedRSpace]:
    server = SimulatedRSpace().start()
    yield server
    server.stop()
    assert server.errors == []


@pytest.fixture
def lab(tmp_path: Path, server: SimulatedRSpace, bytecode: Path) -> Iterator[VerifyLab]:
    """A machine that has not synced yet."""
    lab = VerifyLab(tmp_path, environment(tmp_path / "home", bytecode), url=server.url)
    lab.configure()
    yield lab
    for process in lab.started:
        process.kill()
        process.communicate()
