"""Destinations with archives in them, as labferry leaves them, and an empty machine."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.stated import require_stated

from labferry.actions.restore.restore import Place, Restored, restore
from labferry.actions.session import Session, open_stores
from labferry.copies.query import open_sink, stored_archives
from labferry.copies.select import LATEST, ArchiveQuery
from labferry.runtime.retry import RetryPolicy
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Manifest,
    ManifestJob,
    ManifestSource,
    Secret,
    StoredArchive,
    archive_id,
    archive_key,
)

FIRST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Put:
    """An archive that was put into a destination."""

    id: str
    path: Path
    content: bytes

    @property
    def manifest(self) -> Path:
        return self.path.with_name(f"{self.path.name}.manifest.json")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def damage(self) -> None:
        """Turn one bit in the middle."""
        data = bytearray(self.content)
        data[len(data) // 2] ^= 1
        self.path.write_bytes(data)


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        assert document["exit_code"] == self.code
        return document


def zipped(files: Mapping[str, bytes] | None = None) -> bytes:
    """A zip file, of one folder with two files in it unless told otherwise."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in (files or {"work/a.xml": b"<a/>", "work/b.bin": b"b" * 999}).items():
            file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@dataclass
class Machine:
    """An empty machine that can reach some destinations."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "labferry.toml"

    @property
    def here(self) -> Path:
        """Where to restore to."""
        return self.folder / "here"

    def configure(self, *names: str, more: str = "") -> None:
        for name in names:
            (self.folder / name).mkdir(exist_ok=True)
        tables = [f'[destinations.{name}]\ntype = "local"\npath = "{name}"\n' for name in names]
        self.config.write_text("\n".join([*tables, more]), encoding="utf-8")

    def put(
        self,
        destination: str,
        source: str = "chem",
        *,
        day: int = 0,
        content: bytes | None = None,
        series: str = "user",
        job: str = "23",
    ) -> Put:
        """Store an archive of so many days after the first."""
        content = zipped() if content is None else content
        submitted = FIRST + timedelta(days=day)
        identity = archive_id(submitted, source, job)
        key = archive_key(identity, source, submitted, ".zip")
        path = self.folder / destination / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        put = Put(identity, path, content)
        put.manifest.write_bytes(
            Manifest(
                labferry_manifest=1,
                archive_id=identity,
                file=path.name,
                size=len(content),
                sha256=put.sha256,
                crc32=f"{zlib.crc32(content):08x}",
                source=ManifestSource(
                    name=source,
                    type="rspace",
                    url="https://rspace.example.edu",
                    series=series,
                    parameters={},
                ),
                job=ManifestJob(id=job, submitted=submitted, completed=submitted),
                created_by="labferry 0.1.0",
            ).to_json()
        )
        return put

    @property
    def session(self) -> Session:
        return open_stores(self.config)

    def listed(self, destination: str) -> Sequence[StoredArchive]:
        with open_sink(self.session.config.destinations[destination]) as sink:
            return stored_archives(sink)

    def restore(  # noqa: PLR0913 - as many as the action has
        self,
        archive: str = LATEST,
        *,
        to: Path | None = None,
        source: str | None = None,
        before: datetime | None = None,
        extract: bool = False,
        overwrite: bool = False,
        origin: str | None = None,
        identities: tuple[Secret, ...] = (),
        stop: Stop | None = None,
    ) -> Restored:
        self.here.mkdir(exist_ok=True)
        return restore(
            self.session,
            ArchiveQuery(archive, source, before, origin),
            Place(to or self.here, extract=extract, overwrite=overwrite),
            stop or Stop(),
            identities=identities,
        )

    def run(self, *arguments: str) -> Done:
        """Run the command as it is installed."""
        done = subprocess.run(
            [sys.executable, "-m", "labferry", *arguments],
            check=False,
            capture_output=True,
            cwd=self.folder,
            env={**os.environ, "LABFERRY_CONFIG": str(self.config), **self.environment},
            encoding="utf-8",
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        assert "Traceback" not in done.stderr, done.stderr
        require_stated(arguments, done.returncode)
        return Done(done.returncode, done.stdout, done.stderr)

    def files(self, folder: Path | None = None) -> list[str]:
        """All files below where to restore to, hidden ones included."""
        root = folder or self.here
        return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path, {"HOME": str(tmp_path / "home"), "COLUMNS": "200"})
    machine.configure("nas")
    return machine


@pytest.fixture
def zip_of() -> Callable[..., bytes]:
    return zipped


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying again takes no time."""

    monkeypatch.setattr(RetryPolicy, "pause", lambda *_: 0.0)
