"""A plan of faults: on which request, at which occurrence, what happens; and how often it did."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from labferry.testing.rspace.jobs import Outcome
from labferry.testing.rspace.messages import Request, Response

On = Literal[
    "any",
    "submit",
    "poll",
    "download",
    "status",
    "whoami",
    "groups",
    "documents",
    "activity",
    "users",
    "inventory",
    "job",
]
"""What a fault applies to. ``download`` is both origins; ``job`` is the launch of an export."""


@dataclass(frozen=True)
class Surroundings:
    """What an act may need of the server it happens on.

    Attributes:
        handle: Answers the request as if there were no fault.
        stopping: Set when the server stops; whatever waits must then give up.
        restart: Does to the jobs what a restart does.
    """

    request: Request
    handle: Callable[[], Response]
    stopping: threading.Event
    restart: Callable[[], object]


class Act(Protocol):
    """Something that happens to a request, instead of or after its handling."""

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""


@dataclass(frozen=True)
class JobEnds:
    """The next launched job ends like this; planned with ``on="job"``.

    Attributes:
        reason: Put into the ApiError of FAILED. The real server has null results for ABANDONED
            and STOPPED; with a reason here they carry an ApiError as well.
    """

    outcome: Outcome
    reason: str | None = None


@dataclass(frozen=True)
class Fault:
    """An act on the nth matching request after it was planned, and on the next ones too.

    Each fault counts for itself: two with ``nth=1`` happen to the same request, the later planned
    one around the earlier.

    Attributes:
        times: How many requests in a row, the nth included; None is for ever.
    """

    on: On
    act: Act | JobEnds
    nth: int = 1
    times: int | None = 1

    def hits(self, occurrence: int) -> bool:
        """Whether the fault applies to this occurrence, counted from 1."""
        if occurrence < self.nth:
            return False
        return self.times is None or occurrence < self.nth + self.times


@dataclass
class Planned:
    """A fault in the plan; ``fired`` counts how often it was exercised."""

    fault: Fault
    seen: int = 0
    fired: int = 0


@dataclass
class Faults:
    """The plan. Thread-safe; faults can be added while the server runs."""

    _plan: list[Planned] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> Planned:
        """Plan a fault.

        Raises:
            ValueError: The act does not fit: ``JobEnds`` belongs to ``on="job"`` alone.
        """
        if isinstance(fault.act, JobEnds) != (fault.on == "job"):
            raise ValueError(f"{type(fault.act).__name__} does not happen on {fault.on!r}")
        planned = Planned(fault)
        with self._lock:
            self._plan.append(planned)
        return planned

    def clear(self) -> None:
        """Forget the whole plan."""
        with self._lock:
            self._plan.clear()

    def unfired(self) -> list[Fault]:
        """Planned faults that were never exercised: a test that has any proves nothing."""
        with self._lock:
            return [planned.fault for planned in self._plan if not planned.fired]

    def on_request(self, kind: str) -> list[Act]:
        """What happens to this request; each fault that matches counts it."""
        return [act for act in self._take((kind, "any")) if not isinstance(act, JobEnds)]

    def on_launch(self) -> JobEnds | None:
        """How the job just launched shall end, if not well."""
        ends = [act for act in self._take(("job",)) if isinstance(act, JobEnds)]
        return ends[-1] if ends else None

    def _take(self, kinds: tuple[str, ...]) -> list[Act | JobEnds]:
        acts = []
        with self._lock:
            for planned in self._plan:
                if planned.fault.on in kinds:
                    planned.seen += 1
                    if planned.fault.hits(planned.seen):
                        planned.fired += 1
                        acts.append(planned.fault.act)
        return acts
