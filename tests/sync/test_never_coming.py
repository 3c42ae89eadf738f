"""An archive that will not come: what the destinations that began to store it hear of that."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from typing_extensions import override

from labferry.config import Kinds, load_config
from labferry.plugins import load_plugins
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Archive,
    Checkpoint,
    Download,
    ExportRequest,
    Finding,
    FullError,
    JobState,
    JobStatus,
    LabferryError,
    ManifestDraft,
    Offer,
    Outcome,
    Receipt,
    RunReport,
    Source,
    SourceSettings,
    TransientError,
)
from labferry.sync.run import run_sync
from labferry_local import LocalSink

CONFIG = """\
state_dir = "state"
max_wait = "1s"
sources.chem.type = "notebook"
destinations.nas = { type = "noting", path = "nas" }
"""
CONTENT = b"\x00\x01\x02\x03" * 25_000
TERM = 15
PATIENCE = 20.0
"""Seconds; only a broken test waits as long."""
Answers = Callable[[int], Iterator[bytes]]
Run = Callable[[], RunReport]


class Noting(LocalSink):
    """Keeps a note and what it met."""

    type = "noting"
    met: list[str]
    notes: list[object]
    begun: Event

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        self.notes.append(checkpoint.load())
        checkpoint.save({"upload": "u-1"})
        self.begun.set()
        try:
            return super().store(archive, manifest, checkpoint)
        except LabferryError as error:
            self.met.append(type(error).__name__)
            raise


class Notebook(Source[SourceSettings]):
    """A server that a test tells what to answer."""

    type = "notebook"
    Settings = SourceSettings
    url = "https://eln.example.edu"
    poll_interval = 0.01
    job_timeout = 3600.0
    crc32 = zlib.crc32(CONTENT)
    state = JobState.COMPLETED
    answer: Answers

    @override
    def lanes(self) -> Sequence[str]:
        return ["alice@eln"]

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return [ExportRequest("group 23", "group 23", {})]

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        return JobStatus("23", "jobs/23", JobState.RUNNING)

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        offer = Offer("archives/23", len(CONTENT), type(self).crc32)
        return JobStatus("23", link, type(self).state, offer=offer)

    @override
    @contextmanager
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        yield Download(offset, len(CONTENT), "v1", type(self).answer(offset))

    @override
    def check(self) -> Iterator[Finding]:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    Noting.met, Noting.notes, Noting.begun = [], [], Event()


@pytest.fixture
def notebook() -> type[Notebook]:
    class _Notebook(Notebook):
        pass

    return _Notebook


@pytest.fixture
def stop() -> Stop:
    return Stop()


@pytest.fixture
def run(tmp_path: Path, notebook: type[Notebook], stop: Stop) -> Run:
    """Run once; a second time in a process of its own, as it were."""
    (tmp_path / "nas").mkdir()
    file = tmp_path / "labferry.toml"
    file.write_text(CONFIG)
    stops = [stop]

    def _run() -> RunReport:
        config = load_config(file, Kinds({"notebook": notebook}, {"noting": Noting}))
        now = stops.pop() if stops else Stop()
        return run_sync(config, load_plugins([]), {"chem": ("nas",)}, now)

    return _run


def whole(offset: int) -> Iterator[bytes]:
    yield CONTENT[offset:]


def broken_off(offset: int) -> Iterator[bytes]:
    yield CONTENT[offset : offset + len(CONTENT) // 2]
    raise TransientError("The server went away.", retry_after=60)


def stopping(stop: Stop) -> Answers:
    def answer(offset: int) -> Iterator[bytes]:
        yield CONTENT[offset : len(CONTENT) // 2]
        assert Noting.begun.wait(PATIENCE)
        stop.request(TERM)
        yield b""

    return answer


def outcome(report: RunReport) -> Outcome:
    (export,) = report.exports
    return export.outcome


def test_an_archive_that_never_matches_is_refused(run: Run, notebook: type[Notebook]) -> None:
    notebook.answer, notebook.crc32 = staticmethod(whole), 1

    assert outcome(run()) is Outcome.FAILED

    assert Noting.met[-1] == "IntegrityError"


def test_what_is_late_is_kept(run: Run, notebook: type[Notebook]) -> None:
    notebook.answer = staticmethod(broken_off)

    assert run().exit_code == 75

    assert Noting.met == ["TransientError"]


def test_what_was_stopped_is_kept(run: Run, notebook: type[Notebook], stop: Stop) -> None:
    notebook.answer = staticmethod(stopping(stop))

    assert run().exit_code == 128 + TERM

    assert Noting.met == ["StoppedError"]


@pytest.mark.parametrize("file", ["kept", "lost"])
def test_what_an_earlier_run_began_is_refused_once_it_will_never_come(
    run: Run, notebook: type[Notebook], stop: Stop, tmp_path: Path, file: str
) -> None:
    notebook.answer = staticmethod(stopping(stop))
    run()
    if file == "lost":
        for path in (tmp_path / "state/spool").iterdir():
            path.unlink()
    Noting.met.clear()
    notebook.state = JobState.FAILED

    report = run()

    assert outcome(report) is Outcome.FAILED
    (export,) = report.exports
    assert len(export.problems) == 1
    assert Noting.met == ["IntegrityError"]
    assert Noting.notes[-1] == {"upload": "u-1"}
    assert [*(tmp_path / "state/spool").iterdir()] == []
    assert [path for path in (tmp_path / "nas").rglob("*") if path.is_file()] == []


def test_of_what_was_never_begun_nobody_hears(run: Run, notebook: type[Notebook]) -> None:
    notebook.state = JobState.FAILED

    assert outcome(run()) is Outcome.FAILED

    assert Noting.met == []


def test_a_full_disk_is_no_further_problem(
    run: Run, notebook: type[Notebook], stop: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook.answer = staticmethod(stopping(stop))
    run()
    Noting.met.clear()
    notebook.state = JobState.FAILED
    monkeypatch.setattr("labferry.spool.folder.require_space", _full)

    report = run()

    assert len(report.exports[0].problems) == 1
    assert Noting.met == []


def _full(*_: object) -> None:
    raise FullError("The disk is full.")
