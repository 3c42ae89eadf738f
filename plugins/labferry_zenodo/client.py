"""Requests to the configured server, and to no other: its links are never followed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from labferry.sdk import AnswerLostError, LabferryError, RefusedError, TransientError
from labferry_zenodo.answers import Answer, quoted
from labferry_zenodo.limits import RateLimits
from labferry_zenodo.settings import ZenodoSettings
from labferry_zenodo.transport import certificate_problem, new_client, went_out

# Plain JSON would be the legacy shape on Zenodo; lists of published files know plain JSON only.
_JSON = "application/vnd.inveniordm.v1+json, application/json;q=0.9"
_BYTES = "application/octet-stream"


class Client:
    """Requests to one server, with one token, on one thread.

    Args:
        settings: Where the server is, and how to speak to it.
    """

    def __init__(self, settings: ZenodoSettings) -> None:
        self._settings = settings
        self._limits = RateLimits()
        self._client: httpx.Client | None = None

    def get(self, path: str, **params: str | int) -> Answer:
        """Ask for JSON.

        Raises:
            TransientError: The server could not be asked.
        """
        return self._answer("GET", path, TransientError, params=params)

    def send(self, method: str, path: str, document: object = None) -> Answer:
        """Change something, with a JSON document or without.

        Raises:
            AnswerLostError: The server may have done it, but the answer did not come.
            TransientError: The server has certainly not done it.
        """
        body = {} if document is None else {"json": document}
        return self._answer(method, path, AnswerLostError, **body)

    def upload(self, path: str, size: int, pieces: Iterator[bytes]) -> Answer:
        """Send bytes as they come, their number told in advance.

        What `pieces` raises comes out as it is.

        Raises:
            TransientError: The server did not take them.
        """
        headers = {"Content-Type": _BYTES, "Content-Length": str(size)}
        return self._answer("PUT", path, TransientError, headers=headers, content=pieces)

    @contextmanager
    def stream(self, path: str, offset: int = 0) -> Iterator[httpx.Response]:
        """Ask for bytes, from an offset on if the server can; the caller reads them.

        Raises:
            TransientError: Nobody answered, or the answer broke off.
        """
        headers = {"Accept": f"{_BYTES}, */*;q=0.5"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        with self._sent("GET", path, TransientError, headers=headers) as response:
            yield response

    def failure(
        self, error: httpx.HTTPError, lost: type[TransientError] = TransientError
    ) -> LabferryError:
        """The error that a failed exchange is, in words."""
        place = self._settings.url
        certificate = certificate_problem(error)
        if certificate:
            return TransientError(
                f"The certificate of {place} was not accepted: {quoted(certificate)}.",
                hint="If an institutional authority signed it, name its certificate in ca_file.",
            )
        if went_out(error):
            return lost(f"The exchange with {place} broke off: {_reason(error)}.")
        return TransientError(
            f"{place} can't be reached: {_reason(error)}.",
            hint="Is the server up, and the url right?",
        )

    def close(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _answer(
        self,
        method: str,
        path: str,
        lost: type[TransientError],
        **parts: Any,  # noqa: ANN401 - what httpx takes
    ) -> Answer:
        with self._sent(method, path, lost, **parts) as response:
            return Answer.of(response)

    @contextmanager
    def _sent(
        self,
        method: str,
        path: str,
        lost: type[TransientError],
        *,
        headers: Mapping[str, str] | None = None,
        **parts: Any,  # noqa: ANN401 - what httpx takes
    ) -> Iterator[httpx.Response]:
        self._limits.wait()
        sent = {"Accept": _JSON, **(headers or {}), "Authorization": self._bearer()}
        client = self._connected()
        request = client.build_request(method, path, headers=sent, **parts)
        try:
            response = client.send(request, auth=None, stream=True)
            try:
                self._limits.note(response.headers)
                yield response
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise self.failure(error, lost) from None

    def _bearer(self) -> str:
        token = self._settings.token.reveal()
        if token.isascii() and token.isprintable() and " " not in token:
            return f"Bearer {token}"
        raise RefusedError(
            f"The token from {self._settings.token.origin} holds characters that no token has.",
            hint="It must be the token alone, in one line.",
        )

    def _connected(self) -> httpx.Client:
        if self._client is None:
            self._client = new_client(self._settings)
        return self._client


def _reason(error: httpx.HTTPError) -> str:
    match error:
        case httpx.ConnectTimeout():
            return "it took no connection in time"
        case httpx.ReadTimeout() | httpx.WriteTimeout():
            return "it was silent for too long"
        case httpx.LocalProtocolError():
            return "the request can't be sent"
    return quoted(error).rstrip(".") or type(error).__name__
