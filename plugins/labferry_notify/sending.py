"""One small request to a monitor, with little patience and nothing of the address in messages."""

import time
from pathlib import Path

import httpx

from labferry.sdk import LabferryError, RefusedError, TransientError
from labferry.sdk.http import Answer, HttpClient
from labferry.sdk.http_address import place
from labferry.sdk.waiting import pause
from labferry_notify.styles import Request

_TIMEOUT = 10.0
_PAUSES = (1.0, 2.0)
"""Seconds before the second try and the third."""
_LONGEST = 20.0
"""Seconds after which nothing is tried again."""
_ANSWER_MOST = 1000
_BUSY = 429
_SERVER_ERRORS = 500


def send(request: Request, ca_file: Path | None) -> str:
    """Send a request, up to three times, and return the beginning of the answer.

    Redirects are not followed: they would take the secret in the address elsewhere.

    Raises:
        TransientError: No answer, or the server is in trouble.
        RefusedError: It answered that it does not accept this.
        ConfigError: The certificates to trust can't be read, or the environment makes no sense.
    """
    began = time.monotonic()
    client = HttpClient(
        place(request.url),
        ca_file=ca_file,
        connect_timeout=_TIMEOUT,
        read_timeout=_TIMEOUT,
        url_name="the url of the observer",
    )
    try:
        for seconds in _PAUSES:
            try:
                return _send_once(client, request)
            except TransientError:
                if time.monotonic() - began + seconds > _LONGEST:
                    raise
                pause(seconds)
        return _send_once(client, request)
    finally:
        client.close()


def _send_once(client: HttpClient, request: Request) -> str:
    answer = client.ask(request.method, request.url, content=request.body, longest=_ANSWER_MOST)
    if not answer.ok:
        raise _refusal(request.url.host, answer)
    if answer.is_page and not request.takes_pages:
        raise RefusedError(
            f"{request.url.host} answered with a web page. No monitor of this style does that.",
            hint="A login page or a proxy may stand in between, or the address is wrong.",
        )
    return answer.body.decode("utf-8", errors="replace")


def _refusal(host: str, answer: Answer) -> LabferryError:
    said = (
        f"{host} answered {answer.status} {httpx.codes.get_reason_phrase(answer.status)}".rstrip()
    )
    if answer.status == _BUSY or answer.status >= _SERVER_ERRORS:
        return TransientError(f"{said}.")
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's own numbers
        return RefusedError(f"{said}.", hint="Redirects are not followed: is the address right?")
    return RefusedError(f"{said}.", hint="Does the address belong to a monitor of this style?")
