"""What the routes share: options, world, clock, jobs, files, faults and logs."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from labferry.testing.rspace.faults import Faults
from labferry.testing.rspace.files import Files
from labferry.testing.rspace.jobs import Jobs
from labferry.testing.rspace.messages import Request
from labferry.testing.rspace.model import User, World
from labferry.testing.rspace.options import Options
from labferry.testing.rspace.requestlog import RecordedExport, RecordedRequest
from labferry.testing.rspace.throttle import Throttle


@dataclass
class State:
    """Everything behind the two origins."""

    options: Options
    world: World
    api_url: str = ""
    s3_url: str = ""
    jobs: Jobs = field(default_factory=Jobs)
    files: Files = field(default_factory=Files)
    faults: Faults = field(default_factory=Faults)
    requests: list[RecordedRequest] = field(default_factory=list)
    exports: list[RecordedExport] = field(default_factory=list)
    chosen: dict[tuple[object, ...], int] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _began: tuple[float, datetime] = field(init=False)
    throttle: Throttle = field(init=False)

    def __post_init__(self) -> None:
        self._began = (self.options.clock(), datetime.now(UTC))
        self.throttle = Throttle(self.options.clock, self.options.throttling)

    def now(self) -> float:
        """Seconds on the server's clock."""
        return self.options.clock()

    def today(self) -> datetime:
        """The server's local time; it moves with the clock."""
        return self.moment(self.now())

    def moment(self, now: float) -> datetime:
        """The local time at which the server's clock showed so many seconds."""
        seconds, moment = self._began
        return (moment + timedelta(seconds=now - seconds)).astimezone()

    def link(self, path: str) -> str:
        """A link as the server makes them: whatever the prefix says, with the path behind it."""
        prefix = self.options.urls_prefix
        return (self.api_url if prefix is None else prefix) + path

    def restart(self) -> int:
        """Leave running jobs as they are for ever; says how many."""
        self.world.groups[:] = [*self.world.groups[1:], *self.world.groups[:1]]
        return self.jobs.wedge(self.now())


@dataclass(frozen=True)
class Call:
    """An authenticated request on its way to a route; ``parts`` are the path's variables."""

    state: State
    request: Request
    user: User
    parts: tuple[str, ...] = ()
