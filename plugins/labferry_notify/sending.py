"""One small request to a monitor, with little patience and nothing of the address in messages."""

import ssl
import time
from pathlib import Path

import httpx

from labferry.sdk import ConfigError, LabferryError, RefusedError, TransientError, redact
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
        ConfigError: The certificates to trust can't be read.
    """
    began = time.monotonic()
    with httpx.Client(verify=_trusted(ca_file), timeout=_TIMEOUT, follow_redirects=False) as client:
        for pause in _PAUSES:
            try:
                return _send_once(client, request)
            except TransientError:
                if time.monotonic() - began + pause > _LONGEST:
                    raise
                time.sleep(pause)
        return _send_once(client, request)


def _send_once(client: httpx.Client, request: Request) -> str:
    host = request.url.host
    try:
        with client.stream(request.method, request.url, content=request.body) as answer:
            beginning = next(answer.iter_bytes(_ANSWER_MOST), b"")
            if not answer.is_success:
                raise _refusal(host, answer)
            return beginning.decode("utf-8", errors="replace")
    except httpx.TimeoutException:
        raise TransientError(f"{host} did not answer within {_TIMEOUT:g} s.") from None
    except httpx.TransportError as error:
        reason = redact(str(error)) or type(error).__name__
    raise TransientError(f"{host} can't be reached: {reason}.")


def _refusal(host: str, answer: httpx.Response) -> LabferryError:
    told = f"{host} answered {answer.status_code} {answer.reason_phrase}".rstrip()
    if answer.status_code == _BUSY or answer.status_code >= _SERVER_ERRORS:
        return TransientError(f"{told}.")
    if answer.is_redirect:
        return RefusedError(f"{told}.", hint="Redirects are not followed: is the address right?")
    return RefusedError(f"{told}.", hint="Does the address belong to a monitor of this style?")


def _trusted(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise ConfigError(f"The certificates in {ca_file} can't be read.") from None
