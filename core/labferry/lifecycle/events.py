"""What can happen to an export job."""

from dataclasses import dataclass

from labferry.sdk.archive import Digests, DownloadCheck
from labferry.sdk.settings import JsonValue
from labferry.sdk.source import Contents, JobStatus


@dataclass(frozen=True, slots=True)
class Submitting:
    """The intent to submit is about to be written.

    Attributes:
        noted: What the server has before it.
    """

    noted: JsonValue = None


@dataclass(frozen=True, slots=True)
class Found:
    """The server's jobs were looked through for one whose submission got no answer.

    Attributes:
        status: The job; None if the server has none, so that no export began.
    """

    status: JobStatus | None


@dataclass(frozen=True, slots=True)
class Reported:
    """The server said how the job is: the answer to a submission or a question."""

    status: JobStatus


@dataclass(frozen=True, slots=True)
class Lost:
    """A submission went out and its answer never came."""

    reason: str


@dataclass(frozen=True, slots=True)
class Busy:
    """The server already runs an export for this credential."""

    reason: str
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A request failed in a way that changed nothing at the server.

    Attributes:
        reason: What happened.
        wait: How long the server asks to be left alone, in seconds.
        progressed: Whether bytes of a download arrived before.
    """

    reason: str
    wait: float = 0.0
    progressed: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """Something that no further try will change."""

    reason: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Downloading:
    """Bytes begin to arrive.

    Attributes:
        validator: Names these very bytes, to be given back when resuming.
    """

    validator: str | None


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The archive is in the spool, and whatever was declared agrees.

    Attributes:
        digests: Its checksums.
        contents: What is inside, if its source looked.
        warning: What makes it suspicious.
        size: Its size in bytes.
        check: How well it could be checked.
    """

    digests: Digests
    contents: Contents | None = None
    warning: str = ""
    size: int | None = None
    check: DownloadCheck | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """There is nothing to store that the destinations don't have already."""

    reason: str


@dataclass(frozen=True, slots=True)
class Corrupted:
    """What arrived is not what was declared."""

    reason: str


@dataclass(frozen=True, slots=True)
class Misplaced:
    """The archive was verified, but the spool no longer holds those bytes."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The archive that the job offered is not there."""

    reason: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The server does not know the job any more, as after an upgrade.

    Attributes:
        reason: What it says.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """Every destination that must have the archive has it."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """Another run takes the job over."""


Event = (
    Submitting
    | Reported
    | Found
    | Lost
    | Busy
    | Unreachable
    | Ended
    | Downloading
    | Downloaded
    | Corrupted
    | Gone
    | Forgotten
    | Misplaced
    | Unchanged
    | Delivered
    | Restarted
)
