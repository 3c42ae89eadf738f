"""What goes over the wire: requests, responses, ApiErrors and the HTML pages around them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from labferry.testing.http.response import Response
from labferry.testing.rspace.multipart import form_fields

JSON = "application/json"
BINARY = "application/octet-stream"


@dataclass
class Request:
    """One request, its body already read. ``origin`` is ``api`` or ``s3``."""

    origin: str
    method: str
    path: str
    query: str
    headers: Message
    body: bytes

    @cached_property
    def params(self) -> dict[str, list[str]]:
        """Parameters of the query and of a form body; RSpace makes no difference."""
        params = parse_qs(self.query, keep_blank_values=True)
        for name, values in form_fields(self.headers, self.body).items():
            params.setdefault(name, []).extend(values)
        return params

    def param(self, name: str, default: str = "") -> str:
        """The first value of a parameter."""
        return self.params.get(name, [default])[0]

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return str(self.headers.get(name, ""))

    @property
    def admits_json(self) -> bool:
        """Whether ``Accept`` lets the server answer in JSON."""
        accept = self.header("accept") or "*/*"
        types = (part.split(";")[0].strip().lower() for part in accept.split(","))
        return any(media in ("*/*", "application/*", JSON) for media in types)


def dumps(value: object) -> bytes:
    """JSON as the server prints it: indented, nulls included."""
    return json.dumps(value, indent=2, separators=(",", " : ")).encode()


def json_response(value: object, status: int = HTTPStatus.OK) -> Response:
    """A JSON answer."""
    return Response.of(status, dumps(value), JSON)


def iso_utc(moment: datetime) -> str:
    """A moment as RSpace prints it, such as 2026-01-02T03:04:05.678Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def api_error(
    status: int,
    code: int,
    message: str,
    errors: tuple[str, ...] = (),
    data: object = None,
) -> dict[str, Any]:
    """RSpace's ApiError object."""
    return {
        "status": HTTPStatus(status).name,
        "httpCode": status,
        "internalCode": code,
        "message": message,
        "messageCode": None,
        "errors": list(errors or ("",)),
        "iso8601Timestamp": iso_utc(datetime.now(UTC)),
        "data": data,
    }


@dataclass
class ApiProblem(Exception):  # noqa: N818 - it is raised to answer with an ApiError, not to fail
    """Ends the handling of a request with an ApiError."""

    status: int
    code: int
    message: str
    errors: tuple[str, ...] = ()
    data: object = None

    def response(self) -> Response:
        """The answer."""
        return json_response(
            api_error(self.status, self.code, self.message, self.errors, self.data), self.status
        )


def unauthorised(message: str) -> ApiProblem:
    """401/40101: for bad credentials, and also for what is not yours."""
    return ApiProblem(401, 40101, message, ("You are not authorised for this resource",))


def unprocessable(message: str) -> ApiProblem:
    """422/42201."""
    return ApiProblem(422, 42201, message)


def internal(message: str) -> ApiProblem:
    """500/50001: RSpace's word for many things, unknown ids and missing files among them."""
    return ApiProblem(500, 50001, message)


@dataclass
class Invalid:
    """Collects what is wrong with parameters: 400/40002 with ``data.validationErrors``."""

    object_name: str
    found: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, value: object, message: str) -> None:
        """Note one bad parameter."""
        self.found.append(
            {
                "field": name,
                "rejectedValue": value,
                "objectName": self.object_name,
                "message": message,
            }
        )

    def check(self) -> None:
        """Raise if anything was noted."""
        if not self.found:
            return
        errors = tuple(f"{error['field']}: {error['message']}" for error in self.found)
        message = f"Errors detected : {len(errors)}"
        raise ApiProblem(400, 40002, message, errors, {"validationErrors": self.found})
