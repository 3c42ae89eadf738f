"""What faults happen to, and those that only this server knows."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tests.servers.invenio.messages import Request

from labferry.testing.http.plan import Plan, PlannedAct
from labferry.testing.http.response import Ending, Response

On = Literal[
    "any",
    "other",
    "create",
    "read-draft",
    "update-draft",
    "delete-draft",
    "edit",
    "list-draft-files",
    "register",
    "draft-file",
    "upload",
    "commit",
    "download-draft-file",
    "delete-file",
    "reserve-doi",
    "publish",
    "new-version",
    "import-files",
    "latest",
    "versions",
    "record",
    "delete-record",
    "files",
    "file",
    "download",
    "mine",
    "search",
]
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
class CutUpload:
    """The body breaks off after so many bytes, and the server does what it does then.

    Attributes:
        answered: The server's answer arrives, as when a proxy in between cut the body; else the
            connection is reset.
    """

    after: int
    answered: bool = False

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        at.request.body.cut_after = self.after
        response = at.handle()
        return response if self.answered else Response.silence(Ending.RESET)


@dataclass(frozen=True)
class FlipUpload:
    """One bit of the body arrives wrong; the MD5 that the server computes shows it."""

    offset: int = 0

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        at.request.body.flip_at = self.offset
        return at.handle()


@dataclass(frozen=True)
class ShortUpload:
    """Only so many bytes of the body are stored, and the answer is a success."""

    keeps: int

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        at.request.body.keeps = self.keeps
        return at.handle()


@dataclass(frozen=True)
class Rewrite:
    """The JSON of the answer is changed by a function, in place."""

    change: Callable[[Any], object]

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        response = at.handle()
        value = json.loads(b"".join(response.chunks))
        self.change(value)
        body = json.dumps(value).encode()
        response.chunks, response.length = iter([body]), len(body)
        return response


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
