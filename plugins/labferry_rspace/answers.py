"""An HTTP answer that was read whole, and the words of RSpace's ApiError in it."""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from labferry.sdk import redact

_QUOTED = 300


def quote(text: object) -> str:
    """What a server said, made fit for a message: one line, no control characters, not long."""
    raw = text if isinstance(text, str) else "" if text is None else str(text)
    spaced = " ".join(raw[: 10 * _QUOTED].split())
    clean = redact("".join(char for char in spaced if unicodedata.category(char)[0] != "C"))
    return clean if len(clean) <= _QUOTED else f"{clean[: _QUOTED - 1]}…"


@dataclass(frozen=True, slots=True)
class Problem:
    """RSpace's ApiError.

    Attributes:
        code: Its internalCode, such as 40101.
        message: Its message.
        details: Its errors and validation errors.
    """

    code: int | None
    message: str
    details: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it in one line."""
        details = [detail for detail in self.details if detail not in self.message]
        return quote(": ".join(part for part in (self.message, "; ".join(details)) if part))

    @classmethod
    def of(cls, document: object) -> "Problem | None":
        """The ApiError that a JSON value is; None if it is something else."""
        if not isinstance(document, dict) or "message" not in document:
            return None
        if not {"internalCode", "httpCode", "errors"} & document.keys():
            return None
        code = document.get("internalCode")
        details = dict.fromkeys(text for text in _details(document) if text)
        return cls(
            code if isinstance(code, int) else None, quote(document["message"]), tuple(details)
        )


def _details(document: dict[str, object]) -> Iterator[str]:
    errors = document.get("errors")
    if isinstance(errors, list):
        yield from (quote(error) for error in errors)
    data = document.get("data")
    invalid = data.get("validationErrors") if isinstance(data, dict) else None
    for error in invalid if isinstance(invalid, list) else ():
        if isinstance(error, dict):
            yield quote(f"{error.get('field')}: {error.get('message')}")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, its body read up to a bound."""

    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own numbers

    @property
    def json(self) -> object:
        """The body as JSON; None if it is nothing of the kind."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def problem(self) -> Problem | None:
        """The ApiError in the body, if there is one."""
        return Problem.of(self.json)

    @property
    def kind(self) -> str:
        """What the body is, in words."""
        if not self.body:
            return "an empty answer"
        if "html" in self.headers.get("content-type", ""):
            return "a web page"
        return "something that is not RSpace's JSON"
