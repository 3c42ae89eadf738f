"""A typed plugin: mypy checks it with the project, so that the public API's types stay usable."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, assert_type

from typing_extensions import override

from labferry.sdk import (
    GIB,
    MIB,
    Archive,
    ArchiveReader,
    Checked,
    Checkpoint,
    Contents,
    Digests,
    Download,
    DownloadCheck,
    Duration,
    Encrypt,
    ExportReport,
    ExportRequest,
    FilePath,
    Finding,
    Freshness,
    JobState,
    JobStatus,
    JsonValue,
    Manifest,
    ManifestDraft,
    MissingCopy,
    Names,
    Observer,
    ObserverSettings,
    Offer,
    Pacer,
    PrivateFilePath,
    Rate,
    Receipt,
    Retention,
    RunReport,
    RunStarted,
    Secret,
    Severity,
    Sink,
    SinkSettings,
    SinkTraits,
    Size,
    Source,
    SourceSettings,
    StoredArchive,
    Stray,
    StrayKind,
    Verify,
    archive_id,
    archive_key,
    check_key,
    home_file,
    hookimpl,
    printable,
    redact,
    safe_name,
)
from labferry.sdk.fsspec_files import FileSystem
from labferry.sdk.fsspec_sink import FsspecSink


class BoxSettings(SinkSettings):
    """The keys of a destination of type `box`."""

    folder: FilePath
    """The folder."""

    password: Secret
    """The password."""

    identity: PrivateFilePath | None = None
    """A key."""

    patience: Duration = timedelta(minutes=1)
    """How long to wait."""

    part: Size = 8 * MIB
    """How much to send at a time."""

    pace: Rate = GIB
    """How fast to send."""


class BoxSink(Sink[BoxSettings]):
    """A destination."""

    type = "box"
    Settings = BoxSettings
    traits = SinkTraits(can_delete=False, needs_md5=True)

    @override
    def store(self, archive: Archive, manifest: ManifestDraft, checkpoint: Checkpoint) -> Receipt:
        assert_type(self.settings, BoxSettings)
        assert_type(self.settings.password.reveal(), str)
        assert_type(self.settings.patience, timedelta)
        assert_type(checkpoint.load(), dict[str, JsonValue])
        checkpoint.save({"part": 1, "parts": ["a", None]})
        assert_type(archive.open(), ArchiveReader)
        with archive.open(1) as reader:
            assert_type(reader.read(10), bytes)
            assert_type(reader.readinto(bytearray(10)), int)
        assert_type(archive.digests(), Digests)
        assert_type(archive.digests().md5, str | None)
        assert_type(manifest.seal(), bytes)
        return Receipt(self.name, archive.id, archive.key, archive.size, Checked.SIZE)

    @override
    def list(self) -> Iterator[StoredArchive]:
        manifest = assert_type(Manifest.from_json(b"{}", where="x"), Manifest)
        yield StoredArchive("x/y.zip", 1, manifest)

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        assert_type(stored.manifest.sha256, str)
        return io.BytesIO()

    @override
    def delete(self, stored: StoredArchive) -> None:
        check_key(stored.key)

    @override
    def check(self) -> Iterator[Finding]:
        assert_type(home_file("~/.netrc", "netrc"), Path)
        yield Finding(Severity.OK, printable(redact(safe_name(self.name))))

    @override
    def quick_check(self, stored: StoredArchive) -> Checked:
        assert_type(self.settings.bandwidth_limit, int | None)
        assert_type(self.settings.retention, Retention | None)
        assert_type(self.settings.verify, Verify | None)
        assert_type(self.settings.encrypt, Encrypt | None)
        Pacer(self.settings.pace).take(self.settings.part)
        return super().quick_check(stored)

    @override
    def strays(self) -> Iterator[Stray]:
        yield Stray(StrayKind.UNFINISHED, "x/y.zip.part", since=datetime.now(UTC))


class ShareSink(FsspecSink[BoxSettings]):
    """A destination over a filesystem of fsspec's."""

    type = "share"
    Settings = BoxSettings

    @override
    def connect(self) -> tuple[FileSystem, str]:
        assert_type(self.settings, BoxSettings)
        raise NotImplementedError


class NotebookSettings(SourceSettings):
    """The keys of a source of type `notebook`."""

    key: Secret
    """The key."""


class NotebookSource(Source[NotebookSettings]):
    """A source."""

    type = "notebook"
    Settings = NotebookSettings
    url = "https://notebook.example.edu"
    poll_interval = 60.0
    job_timeout = 3600.0

    @override
    def lanes(self) -> Sequence[str]:
        assert_type(self.settings, NotebookSettings)
        return ("alice",)

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        parameters: Mapping[str, JsonValue] = {"ids": [1, 2], "deep": {"er": None}}
        names = Names(username="alice", full_name=None)
        assert_type(names.full_name, str | None)
        return [
            ExportRequest("notebook 1", "Notebook 1", parameters, lane, names=names)
            for lane in lanes
        ]

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        assert_type(request.parameters, Mapping[str, JsonValue])
        identity = archive_id(datetime.now(UTC), self.name, "1")
        archive_key(identity, self.name, datetime.now(UTC), ".zip")
        return JobStatus("1", "jobs/1", JobState.RUNNING)

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        offer = Offer("a.zip", 1, None)
        assert_type(offer.check, DownloadCheck)
        return JobStatus(job, link, JobState.COMPLETED, offer=offer)

    @override
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> AbstractContextManager[Download]:
        raise NotImplementedError

    @override
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents | None:
        return Contents(members=1, fingerprint=None)

    @override
    def check(self) -> Iterator[Finding]:
        yield Finding(Severity.WARNING, "Nothing was tried.")


class BellSettings(ObserverSettings):
    """The keys of an observer of type `bell`."""

    tone: Secret
    """How it sounds."""


class Bell(Observer[BellSettings]):
    """An observer with settings."""

    type = "bell"
    Settings = BellSettings

    @hookimpl
    def labferry_run_finished(self, report: RunReport) -> None:
        """Ring."""
        assert_type(self.settings, BellSettings)
        assert_type(report.freshness, tuple[Freshness, ...])
        assert_type(report.complete, bool)

    @override
    def check(self) -> Iterator[Finding]:
        yield Finding(Severity.OK, self.settings.tone.reveal())


@hookimpl
def labferry_sinks() -> Sequence[type[Sink[Any]]]:
    """The destinations."""
    return (BoxSink, ShareSink)


@hookimpl
def labferry_sources() -> Sequence[type[Source[Any]]]:
    """The source."""
    return (NotebookSource,)


@hookimpl
def labferry_observers() -> Sequence[type[Observer[Any]]]:
    """The observer with settings."""
    return (Bell,)


@hookimpl
def labferry_run_started(run: RunStarted) -> None:
    """An observer."""
    assert_type(run.sources, tuple[str, ...])


@hookimpl
def labferry_archive_stored(receipt: Receipt) -> None:
    """An observer."""
    assert_type(receipt.checked, Checked)
    assert_type(receipt.url, str | None)


@hookimpl
def labferry_run_finished(report: RunReport) -> None:
    """An observer."""
    assert_type(report.exports, tuple[ExportReport, ...])
    assert_type(report.exports[0].missing, tuple[MissingCopy, ...])
    assert_type(report.ended, datetime)
