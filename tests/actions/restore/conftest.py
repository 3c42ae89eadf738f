"""Destinations with archives in them, as labferry leaves them, and an empty machine."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.lab import Lab, Put, environment
from typing_extensions import override

from labferry.actions.restore.restore import Place, Restored, restore
from labferry.actions.session import Session, open_stores
from labferry.copies.query import open_sink, stored_archives
from labferry.copies.select import LATEST, ArchiveQuery
from labferry.runtime.retry import RetryPolicy
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Secret,
    StoredArchive,
)

FIRST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def zipped(files: Mapping[str, bytes] | None = None) -> bytes:
    """A zip file, of one folder with two files in it unless told otherwise."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in (files or {"work/a.xml": b"<a/>", "work/b.bin": b"b" * 999}).items():
            file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


class RestoreLab(Lab):
    """A machine that can reach some destinations, and holds nothing itself."""

    @property
    def here(self) -> Path:
        """Where to restore to."""
        return self.folder / "here"

    def configure(self, *names: str, more: str = "") -> None:
        for name in names:
            (self.folder / name).mkdir(exist_ok=True)
        tables = [f'[destinations.{name}]\ntype = "local"\npath = "{name}"\n' for name in names]
        self.config.write_text("\n".join([*tables, more]), encoding="utf-8")

    def store(
        self,
        destination: str,
        source: str = "chem",
        *,
        day: int = 0,
        content: bytes | None = None,
        series: str = "user",
        job: str = "23",
    ) -> Put:
        """Put an archive of so many days after the first."""
        content = zipped() if content is None else content
        submitted = FIRST + timedelta(days=day)
        return self.put(destination, source, submitted, job=job, content=content, series=series)

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

    @override
    def files(self, where: Path | str = "here") -> list[str]:
        return super().files(where)


@pytest.fixture
def lab(tmp_path: Path, bytecode: Path) -> RestoreLab:
    made = RestoreLab(tmp_path, environment(tmp_path / "home", bytecode, COLUMNS="200"))
    made.configure("nas")
    return made


@pytest.fixture
def zip_of() -> Callable[..., bytes]:
    return zipped


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying again takes no time."""

    monkeypatch.setattr(RetryPolicy, "pause", lambda *_: 0.0)
