"""Destinations get ready while the server still makes the archive."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, current_thread

import pytest
from typing_extensions import override

from labferry.config import Kinds, load_config
from labferry.plugins import load_plugins
from labferry.runtime.stop import Stop
from labferry.sdk import Archive, Checkpoint, JobState, JobStatus, ManifestDraft, Receipt, RunReport
from labferry.sync.run import run_sync
from labferry_local import LocalSettings, LocalSink

from .test_never_coming import CONFIG, Notebook, whole

Run = Callable[[], RunReport]
_PATIENCE = 20.0
"""Seconds; only a broken test waits as long."""


class Careful(LocalSink):
    """Notes what is asked of it, and on which thread."""

    type = "noting"
    asked: list[tuple[str, str]]
    ready: Event
    refuses: bool

    def __init__(self, name: str, settings: LocalSettings) -> None:
        super().__init__(name, settings)
        self.asked.append(("made", current_thread().name))

    @override
    def prepare(self) -> None:
        self.asked.append(("prepared", current_thread().name))
        self.ready.set()
        if self.refuses:
            raise ImportError("there is no such library")

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        self.asked.append(("stored", current_thread().name))
        return super().store(archive, manifest, checkpoint)


class SlowNotebook(Notebook):
    """A server that is done only once the destination is ready."""

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        assert Careful.ready.wait(_PATIENCE)
        return super().poll(job, link, lane)

    @override
    @classmethod
    def answer(cls, offset: int) -> Iterator[bytes]:
        return whole(offset)


@pytest.fixture(params=[False, True], ids=["ready", "failing"])
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Run:
    Careful.asked, Careful.ready, Careful.refuses = [], Event(), request.param
    (tmp_path / "nas").mkdir()
    file = tmp_path / "labferry.toml"
    file.write_text(CONFIG)

    def _run() -> RunReport:
        config = load_config(file, Kinds({"notebook": SlowNotebook}, {"noting": Careful}))
        return run_sync(config, load_plugins([]), {"chem": ("nas",)}, Stop())

    return _run


def test_a_sink_prepares_while_the_job_runs_and_stores_whether_it_could_or_not(run: Run) -> None:
    assert run().exit_code == 0
    thread = "destination nas"
    # The first one is for the look at the destination with which a run begins.
    assert Careful.asked == [
        *[("made", thread)] * 2,
        ("prepared", thread),
        ("stored", thread),
    ]


def test_a_job_that_fails_leaves_a_sink_that_was_ready_for_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SlowNotebook, "state", JobState.FAILED)
    report = run()
    assert report.exit_code != 0
    assert [what for what, _ in Careful.asked] == ["made", "made", "prepared"]
