"""What answers other than success mean, where they mean the same for every question."""

import httpx

from labferry.sdk import LabferryError, http
from labferry_rspace.answers import Answer
from labferry_rspace.throttling import retry_after

_KEY_HINT = (
    "RSpace answers like this if it does not know the key, if the account is disabled, if the API "
    "is switched off, or if something does not exist or is not this account's. Check the key under "
    "My RSpace, Profile, and check what the account may export."
)

URL_HINT = "Check that the url of the source is the address of an RSpace server."


def said(answer: Answer) -> str:
    """The server's own words, in quotes, after a colon; empty if there are none to be shown."""
    words = _words(answer)
    return f': "{words}"' if words else ""


def judge(answer: Answer, doing: str) -> LabferryError:
    """The error that an answer to a plain question is, if it is not the one hoped for."""
    headers, is_put_off = answer.headers, answer.status in {408, 429}
    return http.judge(
        answer,
        doing,
        said=_words(answer),
        wait=retry_after(headers) if is_put_off or "retry-after" in headers else None,
        key_hint=_KEY_HINT,
        url_hint=URL_HINT,
    )


def _words(answer: Answer) -> str:
    """Those of a 401 about a key are left out: they repeat the key's first character."""
    problem = answer.problem
    if problem is None:
        return ""
    about = problem.message.lower()
    if answer.status == httpx.codes.UNAUTHORIZED and ("authori" not in about or "key" in about):
        return ""
    return problem.text
