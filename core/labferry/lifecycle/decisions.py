"""What can be done next with an export job."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Submit:
    """Write the intent, then ask the server for the export."""


@dataclass(frozen=True, slots=True)
class Find:
    """Look for the job of a submission whose answer never came."""


@dataclass(frozen=True, slots=True)
class Poll:
    """Ask how the job is."""


@dataclass(frozen=True, slots=True)
class Download:
    """Fetch the archive into the spool, and let the destinations follow."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """The archive is verified: see that every destination gets it."""


@dataclass(frozen=True, slots=True)
class Suspend:
    """Leave the job as it is for the next run.

    Attributes:
        reason: Why.
        unfinished: Whether only time was lacking (exit code 75), not the server's answer.
    """

    reason: str
    unfinished: bool


@dataclass(frozen=True, slots=True)
class End:
    """Nothing is left to do."""


Decision = Wait | Submit | Find | Poll | Download | Deliver | Suspend | End
