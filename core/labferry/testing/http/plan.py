"""A plan of faults: on which request, at which occurrence, what happens; and how often it did."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from typing import Generic, Protocol, TypeVar

from labferry.testing.http.response import Response


class Happening(Protocol):
    """The request that a fault happens to."""

    @property
    def path(self) -> str:
        """The path that was asked for."""

    @property
    def headers(self) -> Message:
        """Its headers, which a fault may change."""


class Surroundings(Protocol):
    """What an act may need of the server it happens on.

    Attributes:
        handle: Answers the request as if there were no fault.
        stopping: Set when the server stops; whatever waits must then give up.
    """

    @property
    def request(self) -> Happening:
        """The request that it happens to."""

    @property
    def handle(self) -> Callable[[], Response]:
        """Answers the request as if there were no fault."""

    @property
    def stopping(self) -> threading.Event:
        """Set when the server stops; whatever waits must then give up."""


@dataclass(frozen=True)
class PlannedAct:
    """An act on the nth matching request after it was planned, and on the next ones too.

    Each fault counts for itself: two with ``nth=1`` happen to the same request, the later planned
    one around the earlier.

    Attributes:
        times: How many requests in a row, the nth included; None is for ever.
    """

    on: str
    act: object
    nth: int = 1
    times: int | None = 1

    def hits(self, occurrence: int) -> bool:
        """Whether the fault applies to this occurrence, counted from 1."""
        if occurrence < self.nth:
            return False
        return self.times is None or occurrence < self.nth + self.times


FaultT = TypeVar("FaultT", bound=PlannedAct)


@dataclass
class Planned(Generic[FaultT]):
    """A fault in the plan; ``fired`` counts how often it was exercised."""

    fault: FaultT
    seen: int = 0
    fired: int = 0


@dataclass
class Plan(Generic[FaultT]):
    """The plan. Thread-safe; faults can be added while the server runs."""

    _plan: list[Planned[FaultT]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: FaultT) -> Planned[FaultT]:
        """Plan a fault."""
        planned = Planned(fault)
        with self._lock:
            self._plan.append(planned)
        return planned

    def clear(self) -> None:
        """Forget the whole plan."""
        with self._lock:
            self._plan.clear()

    def unfired(self) -> list[FaultT]:
        """Planned faults that were never exercised: a test that has any proves nothing."""
        with self._lock:
            return [planned.fault for planned in self._plan if not planned.fired]

    def take(self, *kinds: str) -> list[FaultT]:
        """What happens to something of these kinds; each fault that matches counts it."""
        hit = []
        with self._lock:
            for planned in self._plan:
                if planned.fault.on in kinds:
                    planned.seen += 1
                    if planned.fault.hits(planned.seen):
                        planned.fired += 1
                        hit.append(planned.fault)
        return hit
