"""What is asked of `labferry verify`, and what it finds."""

from dataclasses import dataclass
from enum import StrEnum

from labferry.copies.reader import UnsoundArchiveError
from labferry.sdk import Checked, LabferryError, Secret


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What to look at, and how.

    Attributes:
        destination: The only destination to look at; all if None.
        archives: Ids of archives, or the beginnings of some; all if empty.
        source: The only source whose archives to look at; all if None.
        quick: Whether to compare sizes and the storage's own checksums instead of reading.
        contents: Whether to open the archives, too.
        chain: Whether to look at the chain of manifests; archives are read then only if
            `quick` or `contents` ask for it.
        repair: Whether to put good copies from other destinations in the place of bad ones.
        identities: The private keys for encrypted archives; those of the destination by default.
        adopt: Whether to trust, from now on, archives that were not stored from this machine.
    """

    destination: str | None = None
    archives: tuple[str, ...] = ()
    source: str | None = None
    quick: bool = False
    contents: bool = False
    chain: bool = False
    repair: bool = False
    identities: tuple[Secret, ...] = ()
    adopt: bool = False

    def wants(self, archive_id: str, source: str) -> bool:
        """Whether an archive is to be looked at."""
        is_named = not self.archives or archive_id.startswith(self.archives)
        return is_named and self.source in {None, source}

    @property
    def reads_archives(self) -> bool:
        """Whether archives are looked at, and not their manifests only."""
        return self.quick or self.contents or not self.chain


class VerifyState(StrEnum):
    """What was found."""

    GOOD = "good"
    """It is what was stored."""

    DAMAGED = "damaged"
    """It is there, but not what was stored."""

    MISSING = "missing"
    """It ought to be there and is not."""

    REPAIRED = "repaired"
    """It was damaged or missing; a good copy is in its place now."""

    BROKEN = "broken"
    """A manifest names one before it that is not there as it was, or has the id of another one."""

    FAILED = "failed"
    """It could not be found out."""

    NOTE = "note"
    """Nothing is wrong, but worth knowing."""


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What was found out about one copy, or about a destination as a whole.

    Attributes:
        destination: The destination's name.
        state: What was found.
        archive_id: The archive; empty if it is about the whole destination.
        key: Where the copy is, or was.
        size: Its size in bytes, as its manifest has it.
        checked: How it was looked at, if it was.
        contents: Whether its members were opened and found right.
        problem: What is wrong.
        message: What is worth knowing if nothing is wrong.
    """

    destination: str
    state: VerifyState
    archive_id: str = ""
    key: str = ""
    size: int | None = None
    checked: Checked | None = None
    contents: bool = False
    problem: LabferryError | None = None
    message: str = ""

    @property
    def exit_code(self) -> int:
        """What the process should exit with because of it; 0 if nothing is wrong."""
        return 0 if self.problem is None else self.problem.exit_code

    @property
    def is_repairable(self) -> bool:
        """Whether a good copy from elsewhere would help: every other one has the same bytes."""
        is_bad = self.state in {VerifyState.DAMAGED, VerifyState.MISSING}
        is_what_was_stored = isinstance(self.problem, UnsoundArchiveError)
        return is_bad and self.archive_id != "" and not is_what_was_stored
