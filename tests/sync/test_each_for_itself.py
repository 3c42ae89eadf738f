"""A source whose server does not answer holds up no other, and never a whole run."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event

import pytest
from typing_extensions import override

from labferry.config import Kinds, load_config
from labferry.plugins import load_plugins
from labferry.runtime.retry import RetryPolicy
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Archive,
    Checkpoint,
    JobStatus,
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
sources.chem.type = "notebook"
sources.bio.type = "notebook"
destinations.nas = { type = "noting", path = "nas" }
"""
PATIENCE = 20.0
"""Seconds; only a broken test waits as long."""
Act = Callable[[], None]


class Notebook(OneArchive):
    """A server that is quick, but for what a test has it do."""

    content = bytes(range(256)) * 400
    plans: Act
    begins_again: Act
    offers: Act

    @override
    def lanes(self) -> Sequence[str]:
        if self.name == "chem":
            type(self).plans()
        return super().lanes()

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        if self.name == "bio":
            type(self).offers()
        return super().poll(job, link, lane)

    @override
    def chunks(self, offset: int) -> Iterator[bytes]:
        if self.name == "chem" and not offset:
            yield self.content[:1000]
            offset = 1000
            type(self).begins_again()
        yield from super().chunks(offset)


class Noting(LocalSink):
    """Says what it begins and ends to store."""

    type = "noting"
    began: dict[str, Event]
    stored: dict[str, Event]

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        self.began[archive.source].set()
        receipt = super().store(archive, manifest, checkpoint)
        self.stored[archive.source].set()
        return receipt


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> type[Notebook]:
    class _Notebook(Notebook):
        plans = staticmethod(lambda: None)
        begins_again = staticmethod(lambda: None)
        offers = staticmethod(lambda: None)

    Noting.began = {name: Event() for name in ("chem", "bio")}
    Noting.stored = {name: Event() for name in ("chem", "bio")}
    monkeypatch.setattr("labferry.sync.run._OVERTIME", 0.3)
    monkeypatch.setattr("labferry.sync.destination._STALLED", 0.3)
    monkeypatch.setattr("labferry.spool.archive._LOOK", 0.05)
    return _Notebook


@pytest.fixture
def run(tmp_path: Path, notebook: type[Notebook]) -> Iterator[Callable[..., RunReport]]:
    (tmp_path / "nas").mkdir()
    file = tmp_path / "labferry.toml"
    stop = Stop()

    def _run(**top: str) -> RunReport:
        file.write_text("".join(f'{key} = "{value}"\n' for key, value in top.items()) + CONFIG)
        config = load_config(file, Kinds({"notebook": notebook}, {"noting": Noting}))
        return run_sync(config, load_plugins([]), {"chem": ("nas",), "bio": ("nas",)}, stop)

    yield _run
    held = stop._held
    if held is not None:
        held.close()  # type: ignore[attr-defined]


def waiting(event: Event) -> Act:
    def act() -> None:
        event.wait(PATIENCE)

    return act


def outcomes(report: RunReport) -> dict[str, Outcome]:
    return {export.source: export.outcome for export in report.exports}


def test_source_that_is_slow_to_plan_holds_up_no_other(
    notebook: type[Notebook], run: Callable[..., RunReport]
) -> None:
    waited: list[bool] = []
    notebook.plans = staticmethod(lambda: waited.append(Noting.stored["bio"].wait(PATIENCE)))

    report = run()

    assert waited == [True]
    assert outcomes(report) == {"chem": Outcome.STORED, "bio": Outcome.STORED}
    assert [export.source for export in report.exports] == ["chem", "bio"]


def test_source_that_never_says_what_there_is_ends_with_the_run(
    notebook: type[Notebook], run: Callable[..., RunReport]
) -> None:
    released = Event()
    notebook.plans = staticmethod(waiting(released))

    report = run(max_wait="1s")
    released.set()

    assert outcomes(report) == {"bio": Outcome.STORED}
    assert report.exit_code == 3
    (problem,) = report.problems
    assert problem.startswith("chem: The server has kept labferry waiting for ")
    assert "max_wait" in problem


def test_download_that_comes_to_a_halt_holds_up_no_other_archive(
    notebook: type[Notebook], run: Callable[..., RunReport]
) -> None:
    waited: list[bool] = []
    notebook.begins_again = staticmethod(lambda: waited.append(Noting.stored["bio"].wait(PATIENCE)))
    # The destination is in the middle of the archive that does not come on.
    notebook.offers = staticmethod(waiting(Noting.began["chem"]))

    report = run()

    assert waited == [True]
    assert outcomes(report) == {"chem": Outcome.STORED, "bio": Outcome.STORED}
    assert report.exit_code == 0


def test_download_that_comes_to_a_halt_ends_with_the_run(
    notebook: type[Notebook], run: Callable[..., RunReport], tmp_path: Path
) -> None:
    released = Event()
    notebook.begins_again = staticmethod(waiting(released))

    report = run(max_wait="1s")
    released.set()

    assert outcomes(report) == {"chem": Outcome.FAILED, "bio": Outcome.STORED}
    assert report.exit_code == 3
    assert "kept labferry waiting" in report.exports[0].problems[0]
    # What came of it is kept for the next run.
    (kept,) = (tmp_path / "state/spool").glob("*.spool")
    assert kept.stat().st_size == 1000


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RetryPolicy, "pause", lambda *_: 0.01)


def refused(times: int) -> Act:
    left = [times]

    def act() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise TransientError("The server refuses the connection.")

    return act


@pytest.mark.usefixtures("_no_pauses")
def test_server_that_is_restarting_is_asked_until_it_answers(
    notebook: type[Notebook], run: Callable[..., RunReport]
) -> None:
    notebook.plans = staticmethod(refused(20))

    report = run()

    assert outcomes(report) == {"chem": Outcome.STORED, "bio": Outcome.STORED}
    assert report.exit_code == 0


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("key", ["retry_for", "max_wait"])
def test_server_that_stays_down_is_a_failure_in_the_end(
    key: str, notebook: type[Notebook], run: Callable[..., RunReport]
) -> None:
    notebook.plans = staticmethod(refused(10**9))

    report = run(**{key: "300ms"})

    assert outcomes(report) == {"bio": Outcome.STORED}
    assert (report.exit_code, report.problems) == (3, ("chem: The server refuses the connection.",))
