"""An HTTP answer that was read whole, and what it means if it is not the one hoped for."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

import httpx

from labferry.sdk.errors import (
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    RefusedError,
    TransientError,
    UnavailableError,
)
from labferry.sdk.quoting import quote

__all__ = ["Answer", "judge", "means_unavailable"]

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]|\x00")
"""Where one may be: escaped, written out, or in an encoding with zero bytes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, its body read up to a limit: what is longer is cut, and then is no JSON."""

    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own numbers

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever a server sends
        """The body as JSON; None if it is something else.

        Half a pair of surrogates is no character, and can be neither stored nor printed. Each one
        becomes a question mark, so that one odd name does not make all of an answer useless.
        """
        try:
            found = json.loads(self.body, parse_constant=_no_number, parse_float=_finite)
            if _SURROGATE.search(self.body):
                text = json.dumps(found, ensure_ascii=False)
                found = json.loads(text.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
        return found

    @property
    def is_page(self) -> bool:
        """Whether the body is a web page: from a proxy, a firewall or a login form, most likely."""
        kind = self.headers.get("content-type", "")
        return "html" in kind or self.body[:64].lstrip().lower().startswith(
            (b"<!doctype", b"<html")
        )

    @property
    def kind(self) -> str:
        """What the body is, in words."""
        if not self.body:
            return "an empty answer"
        return "a web page" if self.is_page else "something that is not the JSON it should be"


def means_unavailable(status: int) -> bool:
    """Whether an HTTP status says that the server is down, restarting or takes no requests now."""
    return status in {httpx.codes.BAD_GATEWAY, 503, 504}


def judge(
    answer: Answer,
    doing: str,
    *,
    said: str = "",
    wait: float | None = None,
    key_hint: str = "",
    url_hint: str = "",
) -> LabferryError:
    """The error that an answer to a plain question is, if it is not the one hoped for.

    Args:
        answer: The answer.
        doing: What was asked for, in words that begin a sentence.
        said: The server's own words, if they may be shown.
        wait: Seconds that the server asks to be left alone; see `http_headers.retry_after`.
        key_hint: What to do if the key is refused.
        url_hint: What to do if this can't be the right server.
    """
    status = answer.status
    answered = f'HTTP {status}: "{said}"' if said else f"HTTP {status}"
    match status:
        case 401 | 403 if answer.is_page:
            error: LabferryError = RefusedError(
                f"{doing} was refused with {answered} and a web page.",
                hint="The server's API answers with JSON. So a proxy, a firewall or a login page "
                "stands in between, and the key may be right.",
            )
        case 401 | 403:
            error = RefusedError(f"{doing} was refused with {answered}.", hint=key_hint)
        case 404 | 410 if said:
            error = NotFoundError(f"{doing} was answered with {answered}.")
        case 408 | 429:
            error = TransientError(f"{doing} was put off with {answered}.", retry_after=wait)
        case _ if status >= 500:  # noqa: PLR2004 - HTTP's own number
            kind = UnavailableError if means_unavailable(status) else TransientError
            error = kind(f"{doing} failed at the server: {answered}.", retry_after=wait)
        case _ if 300 <= status < 400:  # noqa: PLR2004 - HTTP's own numbers
            error = _moved(answer, doing)
        case _ if said:
            error = InvalidAnswerError(f"{doing} was answered with {answered}.")
        case _:
            portal = " A login page or a proxy may stand in between." if answer.is_page else ""
            error = InvalidAnswerError(
                f"{doing} was answered with {answered} and {answer.kind}.",
                hint=f"{url_hint}{portal}".strip(),
            )
    return error


def _moved(answer: Answer, doing: str) -> InvalidAnswerError:
    """3xx: keys are never taken to another address."""
    try:
        host = httpx.URL(answer.headers.get("location", "")).host
    except httpx.InvalidURL:
        host = ""
    to = f" to {quote(host)}" if host else ""
    return InvalidAnswerError(
        f"{doing} was answered with a redirect{to} (HTTP {answer.status}), which is not followed.",
        hint="The url must be the address at which the API itself answers. A redirect to a login "
        "page means that the API is not let through.",
    )


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError("a number that is too large")
    return value
