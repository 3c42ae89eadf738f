from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from labferry.ledger import Export, Ledger
from labferry.sdk import (
    Download,
    ExportRequest,
    Finding,
    JobStatus,
    Source,
    SourceSettings,
)

Plan = Callable[..., Export]


class Notebook(Source[SourceSettings]):
    type = "notebook"
    Settings = SourceSettings
    url = "https://eln.example.edu"
    poll_interval = 60.0
    job_timeout = 3600.0

    @override
    def lanes(self) -> list[str]:
        return ["alice@eln"]

    @override
    def plan(self, lanes: object) -> list[ExportRequest]:
        return []

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        raise NotImplementedError

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        raise NotImplementedError

    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> AbstractContextManager[Download]:
        raise NotImplementedError

    @override
    def check(self) -> Iterator[Finding]:
        raise NotImplementedError


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger(path)
    yield ledger
    ledger.close()


@pytest.fixture
def run(ledger: Ledger, now: datetime) -> int:
    return ledger.begin_run(now)


@pytest.fixture
def notebook() -> Source[Any]:
    return Notebook("chem", SourceSettings(type="notebook"))


@pytest.fixture
def plan(ledger: Ledger, run: int) -> Plan:
    """Plan an export, of a source and series that may be named."""

    def _plan(source: str = "chem", series: str = "group 23", **parameters: str) -> Export:
        request = ExportRequest(series, series.title(), parameters)
        origin = Notebook(source, SourceSettings(type="notebook"))
        return ledger.plan(run, origin, "alice@eln", request)

    return _plan
