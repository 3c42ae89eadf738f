"""When an archive leaves the spool, and what a lane does next: small things that lose backups."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest
from typing_extensions import override

from labferry.config import Kinds, load_config
from labferry.ledger import Export, Ledger
from labferry.lifecycle import Phase, Policy
from labferry.lifecycle.events import Delivered, Event
from labferry.plugins import load_plugins
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Archive,
    Checkpoint,
    Contents,
    ExportRequest,
    FullError,
    JobState,
    JobStatus,
    ManifestDraft,
    Outcome,
    Receipt,
    RefusedError,
    RunReport,
    StateError,
    TransientError,
)
from labferry.sync.context import RunContext
from labferry.sync.run import run_sync
from labferry_local import LocalSink

from .one_archive import OneArchive

CONFIG = """\
state_dir = "state"
sources.chem.type = "notebook"
"""
NAS = 'destinations.nas = { type = "local", path = "nas" }\n'
BROKEN = 'destinations.offsite = { type = "broken", path = "offsite" }\n'
CONTENT = OneArchive.content
OTHER = b"\x03\x02\x01\x00" * 25_000
Run = Callable[..., RunReport]


class Notebook(OneArchive):
    """A server that counts what it is asked for."""

    validator = None
    series: Sequence[str]
    asked: Counter[str]

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return [ExportRequest(name, name, {}) for name in self.series]

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        self.asked["submit"] += 1
        return JobStatus(str(self.asked["submit"]), "jobs", JobState.RUNNING)

    @override
    def chunks(self, offset: int) -> Iterator[bytes]:
        self.asked["download"] += 1
        yield from self.sent(offset)

    @classmethod
    def sent(cls, offset: int) -> Iterator[bytes]:
        yield cls.content[offset:]

    @override
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        return Contents(1, str(zlib.crc32(archive.read())))


class Local(LocalSink):
    """A folder that counts."""

    begun: Counter[str]

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        self.begun[self.name] += 1
        return super().store(archive, manifest, checkpoint)


class Broken(Local):
    """A folder that may not be written to, until it is mended."""

    type = "broken"
    is_mended = False

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        if not type(self).is_mended:
            raise RefusedError("Access denied.")
        return super().store(archive, manifest, checkpoint)


@pytest.fixture
def notebook() -> type[Notebook]:
    class _Notebook(Notebook):
        series = ["group 23"]  # noqa: RUF012 - as a test says
        asked = Counter()  # noqa: RUF012 - as above

    return _Notebook


@pytest.fixture
def broken() -> type[Broken]:
    Local.begun = Counter()

    class _Broken(Broken):
        pass

    return _Broken


@pytest.fixture
def run(tmp_path: Path, notebook: type[Notebook], broken: type[Broken]) -> Run:
    file = tmp_path / "labferry.toml"
    for name in ("nas", "offsite"):
        (tmp_path / name).mkdir()

    def _run(text: str) -> RunReport:
        file.write_text(text)
        config = load_config(
            file, Kinds({"notebook": notebook}, {"local": Local, "broken": broken})
        )
        routes = {"chem": tuple(config.destinations)}
        return run_sync(config, load_plugins([]), routes, Stop())

    return _run


@pytest.fixture
def spooled(tmp_path: Path) -> Callable[[], int]:
    """How many archives are in the spool."""
    return lambda: len([*(tmp_path / "state/spool").glob("*.spool")])


def outcome(report: RunReport) -> Outcome:
    (export,) = report.exports
    return export.outcome


def test_archive_that_nobody_has_stays_in_the_spool(
    run: Run, notebook: type[Notebook], broken: type[Broken], spooled: Callable[[], int]
) -> None:
    config = CONFIG + BROKEN.replace(" }", ", required = false }")

    assert (run(config).exit_code, spooled()) == (5, 1)

    broken.is_mended = True
    report = run(config)
    assert (report.exit_code, spooled()) == (0, 0)
    # What was left is delivered, and what this run was for exported as well.
    assert [export.outcome for export in report.exports] == [Outcome.STORED] * 2
    assert notebook.asked["submit"] == 2


@pytest.mark.parametrize(("enough", "code", "left"), [(1, 0, 0), (2, 3, 1)])
def test_archive_leaves_the_spool_once_as_many_have_it_as_are_required(
    enough: int, code: int, left: int, run: Run, spooled: Callable[[], int]
) -> None:
    report = run(f"require = {enough}\n" + CONFIG + NAS + BROKEN)

    assert (report.exit_code, spooled()) == (code, left)


def test_archive_leaves_the_spool_only_when_the_ledger_knows_that_it_may(
    run: Run, spooled: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = RunContext.record

    def record(self: RunContext, export: Export, event: Event, policy: Policy) -> Export:
        if isinstance(event, Delivered):
            raise StateError("The disk is gone.")
        return original(self, export, event, policy)

    monkeypatch.setattr(RunContext, "record", record)

    run(CONFIG + NAS)

    assert spooled() == 1
    with closing(Ledger(tmp_path / "state/ledger.db")) as ledger:
        (left,) = ledger.unfinished()
    assert left.job.phase is Phase.VERIFIED


def test_spooled_archive_that_is_lost_on_a_full_disk_is_downloaded_again(
    run: Run,
    notebook: type[Notebook],
    broken: type[Broken],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(CONFIG + BROKEN)
    for path in (tmp_path / "state/spool").iterdir():
        path.unlink()
    broken.is_mended = True
    failures = [FullError("The disk is full.")]

    def require_space(*_: object) -> None:
        if failures:
            raise failures.pop()

    monkeypatch.setattr("labferry.spool.folder.require_space", require_space)

    report = run(CONFIG + BROKEN)

    assert [export.outcome for export in report.exports] == [Outcome.STORED] * 2
    assert notebook.asked == {"submit": 2, "download": 3}


def test_lane_asks_for_nothing_more_once_the_time_is_over(
    run: Run, notebook: type[Notebook]
) -> None:
    notebook.series, notebook.state = ["a", "b", "c"], JobState.RUNNING

    report = run('max_wait = "0s"\n' + CONFIG + NAS)

    assert report.exit_code == 75
    assert notebook.asked["submit"] == 1


def test_lane_asks_for_nothing_more_once_its_server_is_out_of_reach(
    run: Run, notebook: type[Notebook], monkeypatch: pytest.MonkeyPatch
) -> None:
    def poll(*_: object) -> JobStatus:
        raise TransientError("The server went away.")

    notebook.series = ["a", "b", "c"]
    monkeypatch.setattr(notebook, "poll", poll)

    report = run('retry_for = "0s"\n' + CONFIG + NAS)

    assert report.exit_code == 1
    assert notebook.asked["submit"] == 1


def test_no_destination_begins_with_what_may_be_unchanged(
    run: Run, notebook: type[Notebook]
) -> None:
    config = CONFIG + "sources.chem.skip_unchanged = true\n" + NAS

    assert outcome(run(config)) is Outcome.STORED
    assert outcome(run(config)) is Outcome.UNCHANGED

    assert notebook.asked == {"submit": 2, "download": 2}
    assert Local.begun == {"nas": 1}


def test_another_archive_of_the_same_size_takes_the_place_of_the_one_before(
    run: Run, notebook: type[Notebook], tmp_path: Path
) -> None:
    def chunks(offset: int) -> Iterator[bytes]:
        if notebook.content == CONTENT:
            yield CONTENT[: len(CONTENT) // 2]
            notebook.content = OTHER
            raise TransientError("The server restarts.")
        yield OTHER[offset:]

    notebook.sent = staticmethod(chunks)  # type: ignore[method-assign]

    assert outcome(run(CONFIG + NAS)) is Outcome.STORED

    (stored,) = (tmp_path / "nas").rglob("*.zip")
    assert stored.read_bytes() == OTHER
    assert notebook.asked["download"] <= 3
