"""An archive that will not come: what the destinations that began to store it hear of that."""

from collections.abc import Callable, Iterator
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
    FullError,
    JobState,
    LabferryError,
    ManifestDraft,
    Outcome,
    Receipt,
    RunReport,
    TransientError,
)
from labferry.sync.run import run_sync
from labferry_local import LocalSink

from .one_archive import OneArchive

CONFIG = """\
state_dir = "state"
max_wait = "1s"
sources.chem.type = "notebook"
destinations.nas = { type = "noting", path = "nas" }
"""
CONTENT = OneArchive.content
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


class Notebook(OneArchive):
    """A server whose answers come from the test."""

    answer: Answers

    @override
    def chunks(self, offset: int) -> Iterator[bytes]:
        return type(self).answer(offset)


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
