"""What the routes share: options, users, records, contents, the index and the logs."""

import hashlib
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.servers.invenio.contents import Contents
from tests.servers.invenio.faults import Faults
from tests.servers.invenio.index import Index
from tests.servers.invenio.messages import Request, denied, missing
from tests.servers.invenio.model import Record, Series, Side
from tests.servers.invenio.options import InvenioOptions
from tests.servers.invenio.requestlog import RecordedRequest
from tests.servers.invenio.throttle import Throttle

_FIRST_ID = 1_000_001
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def _plain_id(number: int) -> str:
    """An id as plain instances make them, such as ``8k2p5-x7d31``."""
    digest = hashlib.sha256(str(number).encode()).digest()
    letters = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:10])
    return f"{letters[:5]}-{letters[5:]}"


@dataclass
class State:
    """Everything behind the address.

    Attributes:
        users: Names by their tokens.
        racing: What is between looking and acting.
        lock: Guards the records.
        index: What owners find; ``catalogue``: what everybody finds.
    """

    options: InvenioOptions
    url: str = ""
    users: dict[str, str] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    contents: Contents = field(default_factory=Contents)
    faults: Faults = field(default_factory=Faults)
    requests: list[RecordedRequest] = field(default_factory=list)
    racing: set[tuple[str, ...]] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)
    index: Index = field(init=False)
    catalogue: Index = field(init=False)
    throttle: Throttle = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(_FIRST_ID))

    def __post_init__(self) -> None:
        self.index = Index(self.options)
        self.catalogue = Index(self.options)
        self.throttle = Throttle(self.options)

    def new_id(self) -> str:
        """An id nobody has."""
        number = next(self._numbers)
        return str(number) if self.options.zenodo else _plain_id(number)

    def new_series(self, owner: str, side: Side) -> Record:
        """A new thing with its first draft."""
        series = Series(self.new_id(), owner)
        self.series[series.id] = series
        return self.new_record(series, side)

    def new_record(self, series: Series, side: Side) -> Record:
        """A new draft at the end of a series."""
        index = max((record.index for record in series.records), default=0) + 1
        record = Record(self.new_id(), series, self.options.clock(), index, side)
        record.updated = record.created
        series.records.append(record)
        self.records[record.id] = record
        return record

    def forget(self, record: Record) -> None:
        """A draft that was never published is gone for good."""
        record.series.records.remove(record)
        del self.records[record.id]
        if not record.series.records:
            del self.series[record.series.id]

    def touch(self, record: Record) -> None:
        """Something about a record changed."""
        record.revision += 1
        record.updated = self.options.clock()

    def moment(self, seconds: float) -> str:
        """A moment as the API prints it."""
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    def link(self, path: str) -> str:
        """A link as the server makes them."""
        return (self.options.links_url or self.url) + path

    def race(self) -> None:
        """Let others look before this one acts; the lock must not be held."""
        if self.options.race_window:
            self.stopping.wait(self.options.race_window)


@dataclass(frozen=True)
class Call:
    """A request on its way to a route; ``parts`` are the path's variables, decoded."""

    state: State
    request: Request
    user: str | None
    parts: tuple[str, ...] = ()

    def signed_in(self) -> str:
        """Who is calling.

        Raises:
            Problem: 403, nobody.
        """
        if self.user is None:
            raise denied()
        return self.user

    def draft(self) -> Record:
        """The record in the path, which has a draft of the caller's own.

        Raises:
            Problem: 404, there is none; 403, it is somebody else's.
        """
        record = self.state.records.get(self.parts[0])
        if record is None or record.draft is None:
            raise missing()
        if record.series.owner != self.signed_in():
            raise denied()
        return record
