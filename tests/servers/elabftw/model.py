"""What a simulated eLabFTW holds: users, their entries, and the exports that they asked for."""

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from tests.servers.elabftw.options import Outcome

Kind = Literal["experiments", "items", "experiments_templates", "items_types"]
KINDS: tuple[Kind, ...] = ("experiments", "items", "experiments_templates", "items_types")
FLAGS = (*KINDS, "changelog", "pdfa", "json")


class State(IntEnum):
    """The states of an export."""

    READY = 1
    PENDING = 4
    PROCESSING = 5
    ERROR = 6


@dataclass
class Upload:
    """A file of an entry.

    Attributes:
        long_name: Its name on the server's disk, random and never changed.
        hash: The SHA-256 that was noted when it was uploaded; that of the content if empty.
        is_readable: Whether the server can still read it.
    """

    real_name: str
    long_name: str
    content: bytes
    hash: str = ""
    is_readable: bool = True

    @property
    def sha256(self) -> str:
        """The hash that exports show."""
        return self.hash or hashlib.sha256(self.content).hexdigest()


@dataclass
class Entry:
    """An experiment, a resource, or a template of either.

    Attributes:
        links: Ids of entries that it links to: an export follows them.
        only_owner: Whether nobody but its owner may read it.
    """

    kind: Kind
    id: int
    owner: int
    title: str
    body: str = "<p>Some text.</p>"
    modified: str = "2026-11-01T10:00:00+01:00"
    tags: tuple[str, ...] = ()
    comments: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    links: list[int] = field(default_factory=list)
    deleted: bool = False
    only_owner: bool = False

    @property
    def elabid(self) -> str:
        """The name that it keeps for ever."""
        return f"20261101-{hashlib.sha256(f'{self.kind}{self.id}'.encode()).hexdigest()[:40]}"


@dataclass
class User:
    """An account, in one team.

    Attributes:
        keys: Its API keys, and whether each may write.
    """

    id: int
    firstname: str
    lastname: str
    team: int = 1
    keys: dict[str, bool] = field(default_factory=dict)
    is_sysadmin: bool = False

    @property
    def fullname(self) -> str:
        """The name that the API shows."""
        return f"{self.firstname} {self.lastname}"


@dataclass
class Export:
    """A row of the table of exports.

    Attributes:
        flags: What was switched on, of `FLAGS`.
        begins: When the queue takes it; ends: when it is done with it.
        fate: What becomes of it.
        state: As the row says now.
        data: The file.
    """

    id: int
    user: int
    team: int
    format: str
    flags: frozenset[str]
    created: float
    begins: float
    ends: float
    fate: Outcome
    state: State = State.PENDING
    modified: float = 0.0
    error: str | None = None
    long_name: str | None = None
    data: bytes | None = None
