"""An answer that was read whole, the server's words in it, and what they mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from labferry.sdk import FullError, LabferryError, NotFoundError, http
from labferry.sdk.http_headers import retry_after
from labferry.sdk.quoting import quote

_FULL = re.compile(r"quota|size limit|maximum number", re.IGNORECASE)
_WRONG_ACCOUNT = (
    "A wrong or expired token is answered so, as is what belongs to another account; make a new "
    "token in the account's settings, under Applications, with the scopes deposit:write and "
    "deposit:actions."
)


@dataclass(frozen=True, slots=True)
class Answer(http.Answer):
    """An answer of an InvenioRDM."""

    @property
    def words(self) -> str:
        """The server's own words; empty if there are none to be shown."""
        document = self.json
        if not isinstance(document, dict):
            return ""
        words = [quote(document["message"])] if "message" in document else []
        words += complaints(document)
        return quote("; ".join(words))


def complaints(document: object) -> list[str]:
    """What a server says is wrong; in an answer of success, too."""
    errors = document.get("errors") if isinstance(document, dict) else None
    return [*_complaints(errors)] if isinstance(errors, list) else []


def _complaints(errors: list[Any]) -> Iterator[str]:
    for error in errors:
        if not isinstance(error, dict):
            yield quote(error)
            continue
        messages = error.get("messages")
        words = messages if isinstance(messages, list) else [error.get("message")]
        yield quote(f"{error.get('field')}: {', '.join(str(word) for word in words)}")


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
    answered = f"HTTP {answer.status}" + (f': "{answer.words}"' if answer.words else "")
    match answer.status:
        case 404 | 410:
            return NotFoundError(f"{doing} was answered with {answered}.")
        case 413 if answer.json is None:
            return FullError(
                f"{doing} was refused with {answered}: the web server in front of the API takes no "
                "request as large as that.",
                hint="Ask the operators to raise that limit (nginx: client_max_body_size), or set "
                "max_file_size to it.",
            )
        case 413 | 507:
            return _full(doing, answered)
        case 400 if _FULL.search(answer.words):
            return _full(doing, answered)
    return http.judge(
        answer,
        doing,
        said=answer.words,
        wait=retry_after(answer.headers) if answer.status == 429 else None,  # noqa: PLR2004 - HTTP's
        key_hint=_WRONG_ACCOUNT,
        url_hint="Is the url that of Zenodo or an InvenioRDM?",
    )


def _full(doing: str, answered: str) -> FullError:
    return FullError(
        f"{doing} was refused with {answered}.",
        hint="Ask the operators for a larger quota, or export less at a time.",
    )
