"""The contract of a source: implement `Source` to export from another kind of server."""

import builtins
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, ClassVar, Generic, TypeVar

from labferry.sdk.archive import DownloadCheck
from labferry.sdk.errors import LabferryError
from labferry.sdk.findings import Finding
from labferry.sdk.names import Names
from labferry.sdk.settings import JsonValue, SourceSettings

__all__ = ["Contents", "Download", "ExportRequest", "JobState", "JobStatus", "Offer", "Source"]

SettingsT = TypeVar("SettingsT", bound=SourceSettings)


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export to ask the server for.

    Attributes:
        series: What is exported, unique within the source and the same from run to run.
        title: The same for people.
        parameters: What the source needs to ask for it again after a crash; no secrets.
        lane: The only lane that can ask for it; any of the source's where None.
        names: Whose work it is, by the names that the server gives now; none if nobody's in
            particular, or the server gives none. They are shown and stored, and change nothing:
            an export under other names is the same export.
    """

    series: str
    title: str
    parameters: Mapping[str, JsonValue]
    lane: str | None = None
    names: Names = field(default=Names(), compare=False)


class JobState(StrEnum):
    """What a server says of an export job."""

    RUNNING = "running"
    """Queued or at work."""

    COMPLETED = "completed"
    """Ended, with an offer of an archive."""

    FAILED = "failed"
    """Ended without an archive."""

    BROKEN = "broken"
    """The server can't tell. Now and then it recovers; when it lasts, the export failed."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The archive that a completed job offers. What the server did not say is None.

    Whatever is declared is compared with the bytes that come, and an archive that differs is
    refused. If the server says something that can't be a digest, leave it out.

    Attributes:
        link: Where to download it.
        size: Its declared size in bytes.
        crc32: Its declared CRC-32.
        suffix: The kind of file, as a file name ends: `.zip`, `.csv`.
        kept_for: How long the server keeps it from its completion on, in seconds.
        md5: Its declared MD5, 32 hexadecimal digits.
        sha1: Its declared SHA-1, 40 hexadecimal digits.
        sha256: Its declared SHA-256, 64 hexadecimal digits.
        sha512: Its declared SHA-512, 128 hexadecimal digits.
    """

    link: str | None
    size: int | None = None
    crc32: int | None = None
    suffix: str = ".zip"
    kept_for: float | None = None
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    sha512: str | None = None

    @property
    def check(self) -> DownloadCheck:
        """How well the archive can be checked by what was declared, before anybody looks inside.

        A CRC-32 is too short to count as a digest without the size.
        """
        if self.md5 or self.sha1 or self.sha256 or self.sha512:
            return DownloadCheck.DECLARED_DIGEST
        if self.size is None:
            return DownloadCheck.NONE
        if self.crc32 is None:
            return DownloadCheck.DECLARED_SIZE
        return DownloadCheck.DECLARED_DIGEST


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a server says of an export job at one moment.

    Attributes:
        job: The server's name for the job; empty where it has none.
        link: Where to ask for it again.
        state: What it says.
        percent: How far it is, 0 to 100, if the server tells.
        reason: The server's own words on a failure.
        offer: The archive, once completed.
        wait: How long the server asks to be left alone now, in seconds.
        files: How many files the completed job offers. labferry stores one archive of each job,
            and fails an export that comes in several files: it would be incomplete.
        ours: Whether this labferry certainly began the job. False is for `find_job` only; such
            a job is never given to `release_job`.
    """

    job: str
    link: str
    state: JobState
    percent: float | None = None
    reason: str = ""
    offer: Offer | None = None
    wait: float = 0.0
    files: int = 1
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes on their way.

    Attributes:
        offset: Where in the archive the bytes begin: what was asked for, or 0 where the server
            can't begin elsewhere or the file is another one than before.
        total: The whole archive's size in bytes, if the server says so.
        validator: Names these very bytes (a strong ETag), to be given back when resuming.
        chunks: The bytes. Iterating raises TransientError when the connection breaks.
        known_fault: A fault of the server that may explain a checksum that does not match, and
            what mends it, as a sentence; empty if none is known.
    """

    offset: int
    total: int | None
    validator: str | None
    chunks: Iterator[bytes | bytearray] = field(repr=False)
    known_fault: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is inside an archive.

    Attributes:
        members: How many files.
        fingerprint: The same for two archives exactly where nothing differs but what the server
            makes anew on every export; None if that is not known.
        warning: What is wrong at the server, though the archive is what it declared: a file that
            it could not read, for example. labferry stores the archive and reports this, and the
            run ends with exit code 3. Give no fingerprint then, so that it is reported each time.
    """

    members: int
    fingerprint: str | None
    warning: str = ""


class Source(ABC, Generic[SettingsT]):
    """An account on a server, and what to export from it.

    A subclass names its `type`, the word used in the configuration, and its `Settings`. One
    instance serves one `[sources.NAME]`. The methods that take a lane may be called from several
    threads at a time, one for each lane. They block, raise the errors of `labferry.sdk.errors`, and
    leave trying again to the core: it decides on TransientError whether, when and how often. A
    client library may repeat a single request within seconds.

    A **lane** names a credential in words that may be shown, such as `alice@rspace.example.edu`.
    A server runs one export per user at a time, so the core never runs two jobs side by side
    in lanes of the same name, whichever sources they belong to.

    Args:
        name: The source's name in the configuration.
        settings: Its settings, validated.
    """

    type: ClassVar[str]
    Settings: ClassVar[builtins.type[SourceSettings]]

    def __init__(self, name: str, settings: SettingsT) -> None:
        self.name = name
        self.settings = settings

    @property
    @abstractmethod
    def url(self) -> str:
        """The server's address, for the manifest."""

    @property
    @abstractmethod
    def poll_interval(self) -> float:
        """How long to wait between two questions about a job, in seconds."""

    @property
    @abstractmethod
    def job_timeout(self) -> float:
        """How long a job may take before it is given up, in seconds."""

    @abstractmethod
    def lanes(self) -> Sequence[str]:
        """The lanes that can be used now, one for each credential.

        Raises:
            RefusedError: No credential is accepted.
        """

    @abstractmethod
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        """What to export, from the settings and, where needed, the server's own lists.

        Args:
            lanes: The lanes that can be used, at least one.
        """

    @abstractmethod
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        """Ask the server to begin an export. Called once; never repeats the request by itself.

        Raises:
            SlotBusyError: The server already runs an export for this credential.
            AnswerLostError: The request went out and its answer never came.
            TransientError: It certainly did not begin; worth another try.
            RefusedError: Not with these credentials.
            InvalidAnswerError: The server does not understand or accept the request.
        """

    @abstractmethod
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        """Ask for a job's state.

        Raises:
            TransientError: The server could not be asked.
            RefusedError: Not with these credentials.
            NotFoundError: The server knows no such job. The core then asks for one new export.
        """

    @abstractmethod
    def download(
        self, link: str, lane: str, *, offset: int = 0, validator: str | None = None
    ) -> AbstractContextManager[Download]:
        """Fetch an archive, from an offset on where the server can do that.

        Args:
            link: Where the job offered it.
            lane: The lane that the job ran in.
            offset: How many of its bytes are here already.
            validator: What `Download.validator` was when those came.

        Raises:
            NotFoundError: It is gone.
            RefusedError: Not with these credentials, or the link is no longer good.
            TransientError: The server could not be asked.
            InvalidAnswerError: The answer is not an archive.
        """

    @property
    def problems(self) -> Sequence[LabferryError]:
        """What keeps a part of what was asked for from being exported, known after `plan`."""
        return ()

    def vanished(self, known: Sequence[ExportRequest]) -> Sequence[ExportRequest]:
        """Of what was exported before and is not planned now, what the server no longer has.

        Asked after `plan`. Each is reported once, so name only what the server itself does not
        list any more, and nothing that the settings leave out.

        Args:
            known: The last request of each series that `plan` has left out.
        """
        del known
        return ()

    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents | None:
        """Look inside an archive that is whole, before any destination has it.

        Its size and digests are those that were declared, if any were.

        Args:
            archive: The whole archive, seekable.
            request: What was asked for.

        Returns:
            What is inside, or None where this source does not look.

        Raises:
            IntegrityError: It is damaged inside, or of another source; it is refused then.
        """
        del archive, request
        return None

    def examine_job(
        self, archive: BinaryIO, request: ExportRequest, status: JobStatus
    ) -> Contents | None:
        """As `examine`, with what the server said of the job. Implement one of the two.

        Args:
            archive: The whole archive, seekable.
            request: What was asked for.
            status: The completed job, with its offer.
        """
        del status
        return self.examine(archive, request)

    def note_jobs(self, request: ExportRequest, lane: str) -> JsonValue:
        """What the server has now: labferry asks before a submission, and keeps the answer.

        For `find_job`, which thus tells a new job from older ones, whatever the clocks say.
        Typically the names of the jobs that the server lists. Raises what `poll` raises.
        """
        del request, lane
        return None

    def find_job(
        self, request: ExportRequest, since: datetime, lane: str, noted: JsonValue
    ) -> JobStatus | None:
        """Look for the job of a submission whose answer never came. For servers that list jobs.

        labferry then waits a while, calls this, and submits again only if there is no such job. A
        source that does not implement it submits again after a while, and relies on the server to
        run one export at a time. `submit` must not call it.

        Args:
            request: What was asked for.
            since: When it was, by this machine's clock.
            lane: The lane that it was asked for in.
            noted: What `note_jobs` returned before the first request whose answer may be lost;
                None if the source did not implement it then.

        Returns:
            The job, with `ours=False` if it may be another's; None if the server has no such job.

        Raises:
            TransientError: The server could not be asked, or can't tell yet.
            RefusedError: Not with these credentials.
        """
        del request, since, lane, noted
        return None

    def release_job(self, job: str, link: str, lane: str) -> None:
        """Have the server remove a job and its archive, as labferry needs them no more.

        For servers that keep only a few exports for each user. Called once the archive is
        delivered as required, or the export failed or turned out to be unchanged; and only for
        a job that this labferry began. If it raises, a warning says so, and a later run tries
        again.

        Args:
            job: As in `JobStatus.job`.
            link: As in `JobStatus.link`.
            lane: The lane that the job ran in.

        Raises:
            NotFoundError: It is gone already, which is as good.
        """
        del job, link, lane

    def is_idle(self, request: ExportRequest, since: datetime, lane: str) -> bool:
        """Whether the server can tell that nothing of an export changed since a moment.

        False wherever in doubt: then the export is made.
        """
        del request, since, lane
        return False

    @abstractmethod
    def check(self) -> Iterator[Finding]:
        """Find out whether exports can work, without starting one.

        Yields what is worth telling. Raises the error that an export would meet.
        """

    def close(self) -> None:
        """Give back connections and the like."""
        return
