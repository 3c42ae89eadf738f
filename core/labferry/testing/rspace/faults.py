"""What the faults of this server happen to, and how jobs end badly."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from labferry.testing.http.plan import Plan, Planned, PlannedAct
from labferry.testing.http.response import Response
from labferry.testing.rspace.jobs import Outcome
from labferry.testing.rspace.messages import Request

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
class Fault(PlannedAct):
    """An act on the nth matching request after it was planned, and on the next ones too."""

    on: On
    act: Act | JobEnds


class Faults(Plan[Fault]):
    """The plan. Thread-safe; faults can be added while the server runs."""

    def add(self, fault: Fault) -> Planned[Fault]:
        """Plan a fault.

        Raises:
            ValueError: The act does not fit: ``JobEnds`` belongs to ``on="job"`` alone.
        """
        if isinstance(fault.act, JobEnds) != (fault.on == "job"):
            raise ValueError(f"{type(fault.act).__name__} does not happen on {fault.on!r}")
        return super().add(fault)

    def on_request(self, kind: str) -> list[Act]:
        """What happens to this request; each fault that matches counts it."""
        acts = (fault.act for fault in self.take(kind, "any"))
        return [act for act in acts if not isinstance(act, JobEnds)]

    def on_launch(self) -> JobEnds | None:
        """How the job just launched shall end, if not well."""
        ends = [fault.act for fault in self.take("job") if isinstance(fault.act, JobEnds)]
        return ends[-1] if ends else None
