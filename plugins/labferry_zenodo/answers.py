"""An answer that was read whole, the server's words in it, and what they mean."""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from labferry.sdk import (
    FullError,
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    RefusedError,
    TransientError,
    redact,
)
from labferry_zenodo.limits import retry_after

_LONGEST_BODY = 16 << 20
_QUOTED = 300
_FULL = re.compile(r"quota|size limit|maximum number", re.IGNORECASE)
_WRONG_ACCOUNT = (
    "A wrong or expired token is answered so, as is what belongs to another account; make a new "
    "token in the account's settings, under Applications, with the scopes deposit:write and "
    "deposit:actions."
)


def quoted(text: object) -> str:
    """What a server said, made fit for a message: one line, no control characters, not long."""
    spaced = " ".join(str(text)[: 10 * _QUOTED].split())
    clean = redact("".join(char for char in spaced if unicodedata.category(char)[0] != "C"))
    return clean if len(clean) <= _QUOTED else f"{clean[: _QUOTED - 1]}…"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, its body read up to a bound."""

    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """Read a body that should be small; what is longer is cut, and then is no JSON."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _LONGEST_BODY:
                break
        return cls(response.status_code, response.headers, bytes(body[:_LONGEST_BODY]))

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own numbers

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever a server sends
        """The body as JSON; None if it is nothing of the kind."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def said(self) -> str:
        """The server's own words, after a colon; empty if there are none to be shown."""
        document = self.json
        if not isinstance(document, dict):
            return ""
        words = [quoted(document["message"])] if "message" in document else []
        words += complaints(document)
        return f': "{quoted("; ".join(words))}"' if words else ""


def complaints(document: object) -> list[str]:
    """What a server says is wrong; in an answer of success, too."""
    errors = document.get("errors") if isinstance(document, dict) else None
    return [*_complaints(errors)] if isinstance(errors, list) else []


def _complaints(errors: list[Any]) -> Iterator[str]:
    for error in errors:
        if not isinstance(error, dict):
            yield quoted(error)
            continue
        messages = error.get("messages")
        words = messages if isinstance(messages, list) else [error.get("message")]
        yield quoted(f"{error.get('field')}: {', '.join(str(word) for word in words)}")


def usable(answer: Answer, doing: str) -> dict[str, Any]:
    """The JSON object that an answer of success must be.

    Raises:
        LabferryError: As `judge` says.
    """
    document = answer.json if answer.ok else None
    if not isinstance(document, dict):
        raise judge(answer, doing)
    return document


def judge(answer: Answer, doing: str) -> LabferryError:
    """The error that an answer is, if it is not the one hoped for.

    `Retry-After` counts with 429 only: these servers send it with every answer.
    """
    told = f"HTTP {answer.status}{answer.said}"
    match answer.status:
        case 401 | 403:
            problem: LabferryError = RefusedError(
                f"{doing} was refused with {told}.", hint=_WRONG_ACCOUNT
            )
        case 404 | 410:
            problem = NotFoundError(f"{doing} was answered with {told}.")
        case 413 | 507:
            problem = _full(doing, told)
        case 429:
            wait = retry_after(answer.headers)
            problem = TransientError(f"{doing} was put off with {told}.", retry_after=wait)
        case status if status >= 500 or status == 408:  # noqa: PLR2004 - HTTP's own numbers
            problem = TransientError(f"{doing} failed at the server: {told}.")
        case 400 if _FULL.search(answer.said):
            problem = _full(doing, told)
        case _:
            problem = _unexpected(answer, doing, told)
    return problem


def _unexpected(answer: Answer, doing: str, told: str) -> InvalidAnswerError:
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's own numbers
        return InvalidAnswerError(
            f"{doing} was answered with a redirect (HTTP {answer.status}), which is not followed.",
            hint="The url must be the address at which the server itself answers.",
        )
    if answer.json is None:
        return InvalidAnswerError(
            f"{doing} was answered with HTTP {answer.status} and something that is not JSON.",
            hint="Is the url that of Zenodo or an InvenioRDM?",
        )
    return InvalidAnswerError(f"{doing} was answered with {told}.")


def _full(doing: str, told: str) -> FullError:
    return FullError(
        f"{doing} was refused with {told}.",
        hint="Ask the operators for a larger quota, or export less at a time.",
    )
