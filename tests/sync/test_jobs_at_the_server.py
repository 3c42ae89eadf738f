"""What becomes of jobs at a server that lists them, and keeps only a few: found, and removed."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from labferry.config import Kinds, load_config
from labferry.ledger import Ledger
from labferry.lifecycle import Phase, Policy
from labferry.plugins import load_plugins
from labferry.runtime.stop import Stop
from labferry.sdk import (
    AnswerLostError,
    Archive,
    Checkpoint,
    Download,
    ExportRequest,
    Finding,
    JobState,
    JobStatus,
    JsonValue,
    ManifestDraft,
    NotFoundError,
    Offer,
    Outcome,
    Receipt,
    RefusedError,
    RunReport,
    SlotBusyError,
    Source,
    SourceSettings,
    TransientError,
)
from labferry.sync.release import JobReleaser
from labferry.sync.run import run_sync
from labferry_local import LocalSink

CONFIG = """\
state_dir = "state"
sources.chem = { type = "notebook" }
destinations.nas = { type = "local", path = "nas" }
"""
CONTENT = b"table" * 1000
Run = Callable[..., RunReport]


class Server:
    """Keeps two jobs for each user.

    Attributes:
        jobs: The jobs that it has.
        begun: How many it ever began.
        removed: The jobs that it was asked to remove.
        loses: How many answers to a submission get lost.
        fails: Whether its exports fail.
        failure: What every removal meets.
        ours: Whether it knows whose a job is.
    """

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self.begun = 0
        self.removed: list[str] = []
        self.loses = 0
        self.fails = False
        self.failure: Exception | None = None
        self.ours = True


class Notebook(Source[SourceSettings]):
    """A source on such a server."""

    type = "notebook"
    Settings = SourceSettings
    url = "https://eln.example.edu"
    poll_interval = 0.01
    job_timeout = 3600.0
    server: ClassVar[Server]
    series: ClassVar[Sequence[str]] = ("work",)

    @override
    def lanes(self) -> Sequence[str]:
        return ["alice@eln"]

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return [ExportRequest(name, name, {}) for name in self.series]

    @override
    def note_jobs(self, request: ExportRequest, lane: str) -> JsonValue:
        return [*self.server.jobs]

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        server = self.server
        if len(server.jobs) == 2:
            raise SlotBusyError("Two exports are there already.")
        server.begun += 1
        job = f"j{server.begun}"
        server.jobs.append(job)
        if server.loses:
            server.loses -= 1
            raise AnswerLostError("The connection broke.")
        return JobStatus(job, f"jobs/{job}", JobState.RUNNING)

    @override
    def find_job(
        self, request: ExportRequest, since: datetime, lane: str, noted: JsonValue
    ) -> JobStatus | None:
        assert isinstance(noted, list)
        new = [job for job in self.server.jobs if job not in noted]
        if not new:
            return None
        return JobStatus(new[0], f"jobs/{new[0]}", JobState.RUNNING, ours=self.server.ours)

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        if job not in self.server.jobs:
            raise NotFoundError(f"There is no job {job}.")
        if self.server.fails:
            return JobStatus(job, link, JobState.FAILED, reason="Out of memory.")
        offer = Offer("archive", len(CONTENT), zlib.crc32(CONTENT), ".csv")
        return JobStatus(job, link, JobState.COMPLETED, offer=offer)

    @override
    @contextmanager
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        yield Download(offset, len(CONTENT), None, iter([CONTENT[offset:]]))

    @override
    def release_job(self, job: str, link: str, lane: str) -> None:
        self.server.removed.append(job)
        if self.server.failure is not None:
            raise self.server.failure
        self.server.jobs.remove(job)

    @override
    def check(self) -> Iterator[Finding]:
        raise NotImplementedError


class Local(LocalSink):
    """A folder that may not be written to for a while."""

    is_closed: ClassVar[bool] = False

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        if type(self).is_closed:
            raise RefusedError("Access denied.")
        return super().store(archive, manifest, checkpoint)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def local() -> type[Local]:
    class _Local(Local):
        pass

    return _Local


@pytest.fixture
def run(tmp_path: Path, server: Server, local: type[Local]) -> Run:
    (tmp_path / "nas").mkdir()

    def _run(*series: str, config: str = CONFIG, finds: bool = True) -> RunReport:
        class _Notebook(Notebook):
            pass

        _Notebook.server, _Notebook.series = server, series or ("work",)
        if not finds:
            _Notebook.find_job = Source.find_job  # type: ignore[method-assign] # as not written
        file = tmp_path / "labferry.toml"
        file.write_text(config)
        loaded = load_config(file, Kinds({"notebook": _Notebook}, {"local": local}))
        return run_sync(loaded, load_plugins([]), {"chem": ("nas",)}, Stop())

    return _run


@pytest.fixture
def due(tmp_path: Path) -> Callable[[], list[str]]:
    """The jobs that are still to be removed."""

    def _due() -> list[str]:
        with closing(Ledger(tmp_path / "state/ledger.db")) as ledger:
            return [
                each.job for each in ledger.releases.due(Notebook.type, "https://eln.example.edu")
            ]

    return _due


def test_job_is_removed_once_its_archive_is_delivered(
    run: Run, server: Server, due: Callable[[], list[str]]
) -> None:
    server.jobs = ["not ours"]

    assert run().exit_code == 0

    assert (server.jobs, server.removed, due()) == (["not ours"], ["j1"], [])


def test_many_series_need_no_more_room_than_the_server_has(run: Run, server: Server) -> None:
    server.jobs = ["not ours"]

    report = run("a", "b", "c", "d", config='max_wait = "20s"\n' + CONFIG)

    assert [each.outcome for each in report.exports] == [Outcome.STORED] * 4
    assert server.removed == ["j1", "j2", "j3", "j4"]


def test_job_stays_until_the_archive_is_delivered_as_required(
    run: Run, server: Server, local: type[Local]
) -> None:
    local.is_closed = True
    assert run().exit_code == 5
    assert (server.jobs, server.removed) == (["j1"], [])

    local.is_closed = False
    assert run().exit_code == 0
    assert (server.jobs, server.removed) == ([], ["j1", "j2"])


def test_job_that_failed_is_removed_too(run: Run, server: Server) -> None:
    server.fails = True
    assert run().exit_code == 1
    assert (server.jobs, server.removed) == ([], ["j1"])


@pytest.mark.parametrize(
    "failure",
    [TransientError("503"), RefusedError("403"), PermissionError("a stranger's mistake")],
    ids=lambda each: type(each).__name__,
)
def test_failure_to_remove_a_job_fails_no_backup_and_is_tried_again(
    failure: Exception,
    run: Run,
    server: Server,
    due: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.failure = failure

    report = run()

    assert (report.exit_code, report.problems, due()) == (0, (), ["j1"])
    assert "the server keeps job j1" in caplog.text
    server.failure = None
    assert run().exit_code == 0
    assert (server.jobs, due(), server.removed) == ([], [], ["j1", "j1", "j2"])


def test_job_that_is_gone_already_is_as_good(
    run: Run, server: Server, due: Callable[[], list[str]]
) -> None:
    server.failure = NotFoundError("404")
    assert (run().exit_code, due()) == (0, [])


def test_kill_between_delivery_and_removal_leads_to_a_later_removal(
    run: Run,
    server: Server,
    due: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(JobReleaser, "release", lambda *_: None)
        run()
    assert (server.jobs, due()) == (["j1"], ["j1"])

    run()

    assert (server.jobs, due(), server.removed) == ([], [], ["j1", "j2"])


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a lost answer the server is left alone for a moment only."""
    monkeypatch.setattr(Policy, "settle", 0.01)


@pytest.mark.usefixtures("soon")
def test_lost_job_is_found_and_no_second_export_begun(run: Run, server: Server) -> None:
    server.loses = 1

    report = run()

    assert (report.exit_code, server.begun) == (0, 1)
    assert server.removed == ["j1"]
    assert report.exports[0].archive_id is not None
    assert report.exports[0].archive_id.endswith("-chem-j1")


@pytest.mark.usefixtures("soon")
def test_job_that_may_be_anothers_is_used_and_never_removed(run: Run, server: Server) -> None:
    server.loses, server.ours = 1, False

    assert run().exit_code == 0

    assert (server.jobs, server.removed) == (["j1"], [])


def test_kill_between_lost_answer_and_search_leads_to_a_search_in_the_next_run(
    run: Run, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.loses = 1
    # The time of the run is over before the server has been left alone for long enough.
    assert run(config='max_wait = "0s"\n' + CONFIG).exit_code == 75
    with closing(Ledger(tmp_path / "state/ledger.db")) as ledger:
        (left,) = ledger.unfinished()
    assert (left.job.phase, left.job.noted) == (Phase.UNCERTAIN, [])

    monkeypatch.setattr(Policy, "settle", 0.01)
    assert run().exit_code == 0

    assert (server.begun, server.removed) == (1, ["j1"])


@pytest.mark.usefixtures("soon")
def test_source_that_can_not_look_asks_again_as_before(run: Run, server: Server) -> None:
    server.loses = 1
    assert run(finds=False).exit_code == 0
    assert server.begun == 2
