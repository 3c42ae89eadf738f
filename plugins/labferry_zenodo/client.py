"""Requests to the configured server, and to no other: its links are never followed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from labferry.sdk import AnswerLostError, RefusedError, TransientError, UnavailableError
from labferry.sdk.http import HttpClient, Response
from labferry_zenodo.answers import Answer
from labferry_zenodo.limits import RateLimits
from labferry_zenodo.settings import ZenodoSettings

# Plain JSON would be the legacy shape on Zenodo; lists of published files know plain JSON only.
_JSON = "application/vnd.inveniordm.v1+json, application/json;q=0.9"
_BYTES = "application/octet-stream"
_LONGEST_BODY = 16 << 20


class Client:
    """Requests to one server, with one token, on one thread.

    Args:
        settings: Where the server is, and how to speak to it.
    """

    def __init__(self, settings: ZenodoSettings) -> None:
        self._settings = settings
        self._limits = RateLimits()
        self._client: HttpClient | None = None

    def get(self, path: str, **params: str | int) -> Answer:
        """Ask for JSON.

        Raises:
            TransientError: The server could not be asked.
        """
        return self._answer("GET", path, UnavailableError, params=params)

    def send(self, method: str, path: str, document: object = None) -> Answer:
        """Change something, with a JSON document or without.

        Raises:
            AnswerLostError: The server may have done it, but the answer did not come.
            TransientError: The server has certainly not done it.
        """
        body = {} if document is None else {"json": document}
        return self._answer(method, path, AnswerLostError, **body)

    def upload(self, path: str, size: int, pieces: Iterator[bytes]) -> Answer:
        """Send bytes as they come; their number is sent in advance.

        What `pieces` raises comes out as it is.

        Raises:
            TransientError: The server did not take them.
        """
        headers = {"Content-Type": _BYTES, "Content-Length": str(size)}
        return self._answer("PUT", path, UnavailableError, headers=headers, content=pieces)

    @contextmanager
    def stream(self, path: str, offset: int = 0) -> Iterator[Response]:
        """Ask for bytes, from an offset on if the server can; the caller reads them.

        Raises:
            TransientError: Nobody answered, or the answer broke off.
        """
        headers = {"Accept": f"{_BYTES}, */*;q=0.5"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        with self._sent("GET", path, UnavailableError, headers=headers) as response:
            yield response

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
            answer = response.answer(_LONGEST_BODY)
            return Answer(answer.status, answer.headers, answer.body)

    @contextmanager
    def _sent(
        self,
        method: str,
        path: str,
        lost: type[TransientError],
        *,
        headers: Mapping[str, str] | None = None,
        **parts: Any,  # noqa: ANN401 - what httpx takes
    ) -> Iterator[Response]:
        self._limits.wait()
        with self._connected().stream(
            method,
            f"{self._settings.url}{path}",
            headers={"Accept": _JSON, **(headers or {})},
            keys={"Authorization": self._bearer()},
            lost=lost,
            **parts,
        ) as response:
            self._limits.note(response.headers)
            yield response

    def _bearer(self) -> str:
        token = self._settings.token.reveal()
        if token.isascii() and token.isprintable() and " " not in token:
            return f"Bearer {token}"
        raise RefusedError(
            f"The token from {self._settings.token.origin} holds characters that no token has.",
            hint="It must be the token alone, in one line.",
        )

    def _connected(self) -> HttpClient:
        settings = self._settings
        if self._client is None:
            self._client = HttpClient(
                settings.url,
                ca_file=settings.ca_file,
                connect_timeout=settings.connect_timeout.total_seconds(),
                read_timeout=settings.timeout.total_seconds(),
                url_name="the url of the destination",
            )
        return self._client
