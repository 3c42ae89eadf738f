from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from labferry.config import Kinds, load_config
from labferry.ledger import Export, Ledger
from labferry.lifecycle import ExportJob
from labferry.plugins import load_plugins
from labferry.runtime.clock import Clock
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Download,
    ExportRequest,
    Finding,
    JobStatus,
    Source,
    SourceSettings,
)
from labferry.spool import Spool
from labferry.sync.context import RunContext
from labferry.sync.export_task import ExportTask
from labferry_local import LocalSink

CONFIG = """\
state_dir = "state"

[sources.chem]
type = "notebook"

[sources.bio]
type = "notebook"

[destinations.nas]
type = "local"
path = "nas"

[destinations.offsite]
type = "local"
path = "offsite"
required = false
"""


class Notebook(Source[SourceSettings]):
    """A source that answers what a test tells it to; an exception is raised."""

    type = "notebook"
    Settings = SourceSettings
    url = "https://eln.example.edu"
    poll_interval = 0.01
    job_timeout = 3600.0

    def __init__(self, name: str, settings: SourceSettings) -> None:
        super().__init__(name, settings)
        self.usable: Sequence[str] | Exception = ["alice@eln"]
        self.wanted: Sequence[ExportRequest] = [request("group 23")]
        self.answer: Download | Exception = NotImplementedError()
        self.asked: list[tuple[int, str | None]] = []

    @override
    def lanes(self) -> Sequence[str]:
        if isinstance(self.usable, Exception):
            raise self.usable
        return self.usable

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return self.wanted

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        raise NotImplementedError

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        raise NotImplementedError

    @override
    @contextmanager
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        self.asked.append((offset, validator))
        if isinstance(self.answer, Exception):
            raise self.answer
        yield self.answer

    @override
    def check(self) -> Iterator[Finding]:
        raise NotImplementedError


def request(series: str, lane: str | None = None) -> ExportRequest:
    return ExportRequest(series, series.title(), {"series": series}, lane)


@pytest.fixture
def chem() -> Notebook:
    return Notebook("chem", SourceSettings(type="notebook"))


@pytest.fixture
def bio() -> Notebook:
    return Notebook("bio", SourceSettings(type="notebook"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def context(tmp_path: Path, ledger: Ledger) -> RunContext:
    """The surroundings of a run from two sources to two destinations."""
    file = tmp_path / "labferry.toml"
    file.write_text(CONFIG)
    config = load_config(file, Kinds({"notebook": Notebook}, {"local": LocalSink}))
    clock = Clock()
    return RunContext(
        run=ledger.begin_run(clock.now()),
        clock=clock,
        config=config,
        routes={"chem": ("nas", "offsite"), "bio": ("nas",)},
        ledger=ledger,
        spool=Spool(tmp_path / "spool"),
        hooks=load_plugins([]).hooks,
        stop=Stop(),
    )


@pytest.fixture
def left(context: RunContext) -> Callable[..., Export]:
    """An export that an earlier run left; it was killed unless an exit code is given."""

    def _left(
        source: Source[Any],
        job: ExportJob,
        *,
        series: str = "group 23",
        lane: str = "alice@eln",
        exit_code: int | None = None,
    ) -> Export:
        run = context.ledger.begin_run(context.clock.now())
        if exit_code is not None:
            context.ledger.end_run(run, context.clock.now(), exit_code)
        planned = context.ledger.plan(run, source, lane, request(series))
        export = replace(planned, job=job)
        context.ledger.save(export)
        return export

    return _left


@pytest.fixture
def work(context: RunContext, chem: Notebook) -> Callable[..., ExportTask]:
    """Something to do in some lanes."""

    def _work(*lanes: str, series: str = "group 23", job: ExportJob | None = None) -> ExportTask:
        export = context.ledger.plan(context.run, chem, "alice@eln", request(series))
        return ExportTask(chem, replace(export, job=job or export.job), frozenset(lanes))

    return _work
