"""What faults happen to, and those that only this server knows."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from tests.servers.elabftw.messages import Request

from labferry.testing.http.plan import Plan, PlannedAct
from labferry.testing.http.response import Response

On = Literal["any", "other", "info", "me", "submit", "list", "job", "download", "delete"]
"""What a fault applies to, and what the request log calls a request."""


@dataclass(frozen=True)
class Surroundings:
    """What an act may need of the server it happens on."""

    request: Request
    handle: Callable[[], Response]
    stopping: threading.Event


class Act(Protocol):
    """Something that happens to a request, instead of or around its handling."""

    def apply(self, at: Surroundings, /) -> Response:
        """Answer the request."""


@dataclass(frozen=True)
class Fault(PlannedAct):
    """An act on the nth matching request after it was planned, and on the next ones too."""

    on: On
    act: Act


class Faults(Plan[Fault]):
    """The plan. Thread-safe; faults can be added while the server runs."""


@dataclass(frozen=True)
class Meanwhile:
    """Somebody does something just before the request is handled, or just after."""

    action: Callable[[], object]
    after: bool = False

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        if self.after:
            response = at.handle()
            self.action()
            return response
        self.action()
        return at.handle()
