"""What answers other than success mean, where they mean the same for every question."""

import httpx

from labferry.sdk import (
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from labferry_rspace.answers import Answer, quote
from labferry_rspace.throttling import retry_after

_KEY_HINT = (
    "RSpace answers so when it does not know the key, when the account is disabled or the API is "
    "switched off, and also when something is not this account's or does not exist for it. Look at "
    "the key under My RSpace, Profile, and at what the account may export."
)


def said(answer: Answer) -> str:
    """The server's own words, in quotes, after a colon; empty if there are none to be shown.

    The words of a 401 about a key are left out: they repeat the key's first character.
    """
    problem = answer.problem
    if problem is None:
        return ""
    about = problem.message.lower()
    if answer.status == httpx.codes.UNAUTHORIZED and ("authori" not in about or "key" in about):
        return ""
    return f': "{problem.text}"' if problem.text else ""


def refused(answer: Answer, doing: str) -> RefusedError:
    """401 or 403."""
    return RefusedError(
        f"{doing} was refused with HTTP {answer.status}{said(answer)}.", hint=_KEY_HINT
    )


def moved(answer: Answer, doing: str) -> InvalidAnswerError:
    """3xx: keys are never taken to another address."""
    try:
        url = httpx.URL(answer.headers.get("location", ""))
        place = f" to {quote(url.host)}" if url.host else ""
    except httpx.InvalidURL:
        place = ""
    return InvalidAnswerError(
        f"{doing} was answered with a redirect{place} (HTTP {answer.status}), which is not "
        "followed.",
        hint="The url of the source must be the address at which the API itself answers; a "
        "redirect to a login page means that the API is not let through.",
    )


def judge(answer: Answer, doing: str) -> LabferryError:
    """The error that an answer to a plain question is, if it is not the one hoped for."""
    told = f"HTTP {answer.status}{said(answer)}"
    match answer.status:
        case 401 | 403:
            return refused(answer, doing)
        case 404 if answer.problem:
            return NotFoundError(f"{doing} was answered with {told}.")
        case 408 | 429:
            wait = retry_after(answer.headers)
            return TransientError(f"{doing} was put off with {told}.", retry_after=wait)
        case status if status >= 500:  # noqa: PLR2004 - HTTP's own number
            wait = retry_after(answer.headers) if "retry-after" in answer.headers else None
            return TransientError(f"{doing} failed at the server: {told}.", retry_after=wait)
        case status if 300 <= status < 400:  # noqa: PLR2004 - HTTP's own numbers
            return moved(answer, doing)
    told = told if answer.problem else f"HTTP {answer.status} and {answer.kind}"
    return InvalidAnswerError(
        f"{doing} was answered with {told}.",
        hint="" if answer.problem else "Is the url of the source that of an RSpace server?",
    )
