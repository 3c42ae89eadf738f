"""Requests as they arrive, and the answers of eLabFTW's API."""

import json
from dataclasses import dataclass
from email.message import Message
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from labferry.testing.http.response import Response

JSON = "application/json"


@dataclass
class Request:
    """One request, its body read."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes

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
        """The body.

        Raises:
            Problem: 400, its type is not exactly that of JSON, or it is none.
        """
        if self.header("content-type") != JSON:
            raise Problem(400, "Incorrect content-type header.")
        try:
            return json.loads(self.body)
        except ValueError:
            raise Problem(400, "Error decoding json payload.") from None


@dataclass
class Problem(Exception):  # noqa: N818 - it is raised to answer, not to fail
    """Ends the handling of a request with an error in eLabFTW's form."""

    status: int
    text: str

    def response(self, version: int) -> Response:
        """The answer; until 5.3 the text was in the description."""
        old = version < 50400
        told = {"message": "Error", "description": self.text} if old else {"message": self.text}
        return json_response({"code": self.status, "description": "", **told}, self.status)


def json_response(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response.of(status, json.dumps(value).encode(), JSON)


def bare_failure() -> Response:
    """500 without a word: what PHP answers when nobody caught the error."""
    return Response.of(500, b"", "text/html; charset=UTF-8")
