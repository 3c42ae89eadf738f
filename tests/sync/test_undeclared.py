"""Archives of servers that declare little: what is compared, and what is said of the rest."""

import gzip
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import pytest
from typing_extensions import override

from labferry.actions.list import list_stored
from labferry.actions.session import Session
from labferry.actions.status import status
from labferry.config import Kinds, load_config
from labferry.lifecycle import ExportJob, Phase
from labferry.lifecycle.events import Corrupted, Downloaded, Event, Unreachable
from labferry.plugins import load_plugins
from labferry.runtime.stop import Stop
from labferry.sdk import (
    Contents,
    Digests,
    Download,
    DownloadCheck,
    ExportRequest,
    Finding,
    FullError,
    JobState,
    JobStatus,
    Offer,
    RunReport,
    Source,
    SourceSettings,
    TransientError,
)
from labferry.spool import Declared, SpoolArchive
from labferry.sync.context import RunContext
from labferry.sync.download import Fetch
from labferry.sync.lane import declared_archive
from labferry.sync.run import run_sync
from labferry_local import LocalSink

CONFIG = """\
state_dir = "state"
sources.chem = { type = "notebook" }
destinations.nas = { type = "local", path = "nas" }
"""


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "text" * 1000)
    return file.getvalue()


ZIP = zipped()
TEXT = b"From the ashes a fire shall be woken"


class Notebook(Source[SourceSettings]):
    """A server that declares what a test says."""

    type = "notebook"
    Settings = SourceSettings
    url = "https://eln.example.edu"
    poll_interval = 0.01
    job_timeout = 3600.0
    offer: ClassVar[Offer] = Offer("archives")
    content: ClassVar[bytes] = ZIP
    contents: ClassVar[Contents | None] = None
    asked: ClassVar[list[tuple[int, str | None]]] = []
    examined: ClassVar[list[JobStatus]] = []

    @override
    def lanes(self) -> Sequence[str]:
        return ["alice@eln"]

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        return [ExportRequest("work", "work", {})]

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        return JobStatus("1", "jobs/1", JobState.RUNNING)

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        return JobStatus(job, link, JobState.COMPLETED, offer=type(self).offer)

    @override
    @contextmanager
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> Iterator[Download]:
        self.asked.append((offset, validator))
        yield Download(offset, None, None, iter([type(self).content[offset:]]))

    @override
    def examine_job(
        self, archive: BinaryIO, request: ExportRequest, status: JobStatus
    ) -> Contents | None:
        self.examined.append(status)
        return self.contents

    @override
    def check(self) -> Iterator[Finding]:
        raise NotImplementedError


@pytest.fixture
def notebook() -> type[Notebook]:
    class _Notebook(Notebook):
        asked = []  # noqa: RUF012 - of this test
        examined = []  # noqa: RUF012 - as above

    return _Notebook


@pytest.fixture
def run(tmp_path: Path, notebook: type[Notebook]) -> Callable[..., RunReport]:
    (tmp_path / "nas").mkdir()

    def _run(text: str = CONFIG) -> RunReport:
        file = tmp_path / "labferry.toml"
        file.write_text(text)
        config = load_config(file, Kinds({"notebook": notebook}, {"local": LocalSink}))
        return run_sync(config, load_plugins([]), {"chem": ("nas",)}, Stop())

    return _run


@pytest.mark.parametrize(
    ("offer", "content", "contents", "check"),
    [
        (Offer("x", len(ZIP), zlib.crc32(ZIP)), ZIP, None, "declared-digest"),
        (Offer("x", sha256=hashlib.sha256(ZIP).hexdigest()), ZIP, None, "declared-digest"),
        (Offer("x", sha512=hashlib.sha512(ZIP).hexdigest().upper()), ZIP, None, "declared-digest"),
        (Offer("x", len(ZIP), sha1=hashlib.sha1(ZIP).hexdigest()), ZIP, None, "declared-digest"),  # noqa: S324 - as servers do
        (Offer("x", len(ZIP)), ZIP, None, "declared-size"),
        (Offer("x"), ZIP, None, "sound"),
        (Offer("x", suffix=".eln"), ZIP, None, "sound"),
        (Offer("x", suffix=".tar.gz"), gzip.compress(TEXT, mtime=0), None, "sound"),
        (Offer("x", suffix=".csv"), TEXT, Contents(1, None), "sound"),
        (Offer("x", suffix=".csv"), TEXT, None, "none"),
    ],
)
def test_each_archive_is_stored_with_how_well_it_could_be_checked(  # noqa: PLR0913 - a table
    *,
    offer: Offer,
    content: bytes,
    contents: Contents | None,
    check: str,
    notebook: type[Notebook],
    run: Callable[..., RunReport],
    tmp_path: Path,
) -> None:
    notebook.offer, notebook.content, notebook.contents = offer, content, contents

    report = run()

    assert (report.exit_code, report.problems) == (0, ())
    (receipt,) = report.exports[0].receipts
    assert (receipt.download_check, report.exports[0].size) == (check, len(content))
    assert report.freshness[0].download_check == check
    (file,) = (tmp_path / "nas").rglob("*.manifest.json")
    stored = json.loads(file.read_bytes())
    assert (stored["download_check"], stored["size"]) == (check, len(content))
    assert stored["sha256"] == hashlib.sha256(content).hexdigest()
    assert notebook.examined[0].job == "1"
    assert notebook.examined[0].offer == offer


def test_status_and_list_say_it_too(
    notebook: type[Notebook], run: Callable[..., RunReport], tmp_path: Path
) -> None:
    notebook.offer = Offer("x", len(ZIP))
    run()
    plugins = load_plugins([])
    config = load_config(
        tmp_path / "labferry.toml", Kinds({"notebook": notebook}, {"local": LocalSink})
    )
    session = Session(config, plugins)
    (listed,) = list_stored(session, Stop()).copies
    assert listed.download_check is DownloadCheck.DECLARED_SIZE
    assert [each.download_check for each in status(session)] == [DownloadCheck.DECLARED_SIZE]


@pytest.mark.parametrize(
    ("offer", "content", "reason"),
    [
        (Offer("x"), ZIP[:-9], "zip"),
        (Offer("x"), b"<html>Under maintenance</html>", "zip"),
        (Offer("x", len(ZIP)), b"\0" * len(ZIP), "zip"),
        (Offer("x", suffix=".tar.gz"), gzip.compress(TEXT, mtime=0)[:-1], "gzip"),
        (Offer("x", sha256="0" * 64), ZIP, "SHA-256"),
        (Offer("x", md5="0" * 32), ZIP, "MD5"),
    ],
)
def test_bad_archive_is_refused_whatever_was_declared(
    *,
    offer: Offer,
    content: bytes,
    reason: str,
    notebook: type[Notebook],
    run: Callable[..., RunReport],
    tmp_path: Path,
) -> None:
    notebook.offer, notebook.content = offer, content

    report = run()

    assert report.exit_code == 4
    assert reason in report.exports[0].problems[0]
    assert [*(tmp_path / "nas").rglob("*.zip")] == []


def test_source_can_demand_a_digest(
    notebook: type[Notebook], run: Callable[..., RunReport]
) -> None:
    notebook.offer = Offer("x", len(ZIP))
    report = run(CONFIG.replace('type = "notebook"', 'type = "notebook", require_digest = true'))
    assert report.exit_code == 1
    assert "offers no archive with a checksum" in report.exports[0].problems[0]
    assert "require_digest" in report.exports[0].problems[0]


# What comes when nothing is declared.


@pytest.fixture
def archive(context: RunContext) -> Iterator[SpoolArchive]:
    archive = context.spool.open(Declared("a-9", "chem", "chem/a-9", None, None), md5=False)
    yield archive
    archive.close()


@pytest.fixture
def fetched(chem: Any, archive: SpoolArchive) -> Callable[..., Event]:  # noqa: ANN401 - of conftest.py
    def accept(archive: SpoolArchive, digests: Digests) -> Event:
        archive.accept(digests)
        return Downloaded(digests)

    def _fetched(answer: Download, validator: str | None = None) -> Event:
        chem.answer = answer
        job = ExportJob(phase=Phase.COMPLETED, offer=Offer("x"), validator=validator)
        fetch = Fetch(chem, "alice@eln", lambda _: None, accept, lambda _: None)
        return fetch(job, archive)

    return _fetched


def test_archive_of_unknown_size_ends_with_the_answer(
    fetched: Callable[..., Event], archive: SpoolArchive
) -> None:
    assert isinstance(fetched(Download(0, None, None, iter([TEXT]))), Downloaded)
    assert (archive.size, archive.crc32) == (len(TEXT), zlib.crc32(TEXT))
    with archive.open() as reader:
        assert reader.read() == TEXT


def test_answer_that_is_shorter_than_it_says_is_no_archive(
    fetched: Callable[..., Event], archive: SpoolArchive
) -> None:
    event = fetched(Download(0, len(TEXT), None, iter([TEXT[:-1]])))
    assert event == Unreachable("The answer ended after 35 of 36 bytes.", progressed=True)
    assert not archive.is_verified


def test_halves_of_two_files_never_meet(
    chem: Any,  # noqa: ANN401 - of conftest.py
    fetched: Callable[..., Event],
    archive: SpoolArchive,
) -> None:
    archive.write(0, TEXT[:20])
    # Without a validator all of it is asked for, and what is here is compared.
    assert isinstance(fetched(Download(0, None, None, iter([TEXT[:20] + b"?"]))), Downloaded)
    assert chem.asked == [(0, None)]


@pytest.mark.parametrize("other", [TEXT[:10], TEXT.swapcase()])
def test_another_file_than_before_begins_anew(
    other: bytes, fetched: Callable[..., Event], archive: SpoolArchive
) -> None:
    archive.write(0, TEXT[:20])
    assert fetched(Download(0, None, None, iter([other]))) == Corrupted(
        "The file at the server has changed since."
    )
    assert archive.received == 0


def test_whole_file_of_which_nobody_knows_that_it_is_whole_is_asked_for_its_last_byte(
    chem: Any,  # noqa: ANN401 - of conftest.py
    fetched: Callable[..., Event],
    archive: SpoolArchive,
) -> None:
    archive.write(0, TEXT)
    rest = Download(len(TEXT) - 1, len(TEXT), '"tag"', iter([TEXT[-1:]]))
    assert isinstance(fetched(rest, '"tag"'), Downloaded)
    assert chem.asked == [(len(TEXT) - 1, '"tag"')]


def test_reader_of_an_archive_of_unknown_size_has_to_wait(archive: SpoolArchive) -> None:
    archive.write(0, TEXT)
    archive.refuse(TransientError("The download was given up."))
    with archive.open() as reader, pytest.raises(TransientError):
        reader.read()


def test_lost_spool_is_filled_with_the_same_bytes_or_not_at_all(work: Callable[..., Any]) -> None:
    job = ExportJob(
        phase=Phase.RUNNING,
        submitted_at=datetime(2026, 1, 2, tzinfo=UTC),
        server_job="9",
        offer=Offer("x"),
        digests=Digests("ab" * 32, 7),
        size=36,
    )
    declared = declared_archive(work("alice@eln", job=job))
    assert (declared.size, declared.crc32, declared.sha256) == (36, 7, "ab" * 32)


def test_archive_without_an_end_does_not_keep_the_disk_full(
    fetched: Callable[..., Event], archive: SpoolArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = SpoolArchive.write

    def write(self: SpoolArchive, offset: int, chunk: bytes | bytearray) -> bool:
        if offset >= 10:
            raise FullError("The disk is full.")
        return original(self, offset, chunk)

    monkeypatch.setattr(SpoolArchive, "write", write)
    with pytest.raises(FullError):
        fetched(Download(0, None, None, iter([TEXT[:10], TEXT[10:]])))
    assert (archive.received, archive.path.stat().st_size) == (0, 0)
