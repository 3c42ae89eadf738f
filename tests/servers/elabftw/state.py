"""What the routes share: options, users and their work, exports and the logs."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.servers.elabftw.faults import Faults
from tests.servers.elabftw.making import settle
from tests.servers.elabftw.messages import Request
from tests.servers.elabftw.model import Export, User
from tests.servers.elabftw.options import Options
from tests.servers.elabftw.requestlog import RecordedRequest
from tests.servers.elabftw.world import World


@dataclass
class ServerState:
    """Everything behind the address.

    Attributes:
        rows: The table of exports, oldest first.
        begun: How many exports were ever asked for.
    """

    options: Options
    world: World
    url: str = ""
    rows: list[Export] = field(default_factory=list)
    begun: int = 0
    faults: Faults = field(default_factory=Faults)
    requests: list[RecordedRequest] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(31))
    _free_at: float = 0.0

    def exports_of(self, user: int) -> Sequence[Export]:
        """A user's exports as they are now, newest first."""
        mine = [row for row in reversed(self.rows) if row.user == user]
        for row in mine:
            settle(row, self.world, self.options)
        return mine

    def begin(self, user: User, form: str, flags: frozenset[str]) -> Export:
        """Put an export into the queue, which works on one at a time."""
        options = self.options
        now = options.clock()
        begins = max(now, self._free_at)
        self._free_at = begins + options.seconds
        fate = "waits" if options.socket_down else options.outcome
        export = Export(
            next(self._numbers), user.id, user.team, form, flags, now, begins, self._free_at, fate
        )
        export.modified = now
        self.rows.append(export)
        self.begun += 1
        return export


@dataclass(frozen=True)
class Call:
    """A request on its way to a route."""

    state: ServerState
    request: Request
    user: User
    may_write: bool
    number: int | None = None
