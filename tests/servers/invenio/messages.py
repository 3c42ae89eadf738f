"""Requests as they arrive, and the JSON that goes back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from tests.servers.invenio.body import Body

from labferry.testing.http.response import Response

JSON = "application/json"
RECORD = "application/vnd.inveniordm.v1+json"
BINARY = "application/octet-stream"
Json = dict[str, Any]


@dataclass
class Request:
    """One request, its body still on the connection; ``path`` is still percent-encoded."""

    method: str
    path: str
    query: str
    headers: Message
    body: Body

    @cached_property
    def params(self) -> dict[str, str]:
        """Parameters of the query, the last of each name."""
        found = parse_qs(self.query, keep_blank_values=True)
        return {name: values[-1] for name, values in found.items()}

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return str(self.headers.get(name, ""))

    @cached_property
    def json(self) -> Any:  # noqa: ANN401 - what a client sends can be anything
        """The body; None if there is none.

        Raises:
            Problem: 400, it is not JSON.
        """
        data = self.body.read()
        try:
            return json.loads(data) if data else None
        except ValueError:
            raise Problem(400, "Unable to decode JSON data in request body.") from None


@dataclass
class Problem(Exception):  # noqa: N818 - it is raised to answer, not to fail
    """Ends the handling of a request with an error in InvenioRDM's form."""

    status: int
    message: str
    errors: Sequence[Mapping[str, Any]] = ()

    def response(self) -> Response:
        """The answer."""
        body: Json = {"status": self.status, "message": self.message}
        if self.errors:
            body["errors"] = list(self.errors)
        return json_response(body, self.status)


def wrong(field: str, *messages: str) -> Json:
    """One entry of an ``errors`` list."""
    return {"field": field, "messages": list(messages)}


def invalid(errors: Sequence[Json]) -> Problem:
    """400 with what is wrong, field by field."""
    return Problem(400, "A validation error occurred.", errors)


def denied() -> Problem:
    """403: for anonymous callers, for what is somebody else's, and for what is locked."""
    return Problem(403, "Permission denied.")


def missing() -> Problem:
    """404."""
    return Problem(404, "The persistent identifier does not exist.")


def broken() -> Problem:
    """500: InvenioRDM's word for what it did not expect."""
    return Problem(
        500,
        "The server encountered an internal error and was unable to complete your request. Either "
        "the server is overloaded or there is an error in the application.",
    )


def json_response(value: object, status: int = 200, media: str = JSON) -> Response:
    """A JSON answer."""
    return Response.of(status, json.dumps(value, ensure_ascii=False).encode(), media)


def empty_response() -> Response:
    """204."""
    return Response.of(204, b"", JSON)
