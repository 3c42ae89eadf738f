"""Requests to one eLabFTW server. A key goes to its configured origin only, in one header."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from labferry.sdk import AnswerLostError, JsonValue, TransientError, UnavailableError
from labferry.sdk.http import Answer, HttpClient, Response
from labferry_elabftw.address import Address
from labferry_elabftw.settings import ElabftwSettings

_JSON = {"Accept": "application/json"}


class Client:
    """Requests to one eLabFTW server. Thread-safe.

    Args:
        settings: Its address, timeouts and certificates.
    """

    def __init__(self, settings: ElabftwSettings) -> None:
        self.address = Address(settings.url)
        self._settings = settings
        self._lock = threading.Lock()
        self._http: HttpClient | None = None

    def get(self, path: str, key: str) -> Answer:
        """Ask for JSON.

        Raises:
            UnavailableError: The server could not be asked.
            InvalidAnswerError: The answer is in an encoding that was not asked for.
        """
        url = self.address.api(path)
        return self._client().ask("GET", url, keys=_keys(key), headers=_JSON)

    def post(self, path: str, key: str, body: JsonValue) -> Answer:
        """Send JSON, once.

        Raises:
            AnswerLostError: The server may have seen it, but the answer did not come.
            TransientError: The server certainly has not seen it.
        """
        return self._send("POST", path, key, body, AnswerLostError)

    def delete(self, path: str, key: str) -> Answer:
        """Delete something.

        Raises:
            UnavailableError: The server could not be asked.
        """
        # eLabFTW 5.1 wants the body, and a type of it.
        return self._send("DELETE", path, key, {}, UnavailableError)

    @contextmanager
    def stream(self, path: str, key: str) -> Iterator[Response]:
        """Ask for an archive; the caller reads the body.

        Raises:
            UnavailableError: Nobody answered.
        """
        url = self.address.api(path)
        with self._client().stream("GET", url, keys=_keys(key)) as response:
            yield response

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._http is not None:
                self._http.close()
            self._http = None

    def _send(
        self, method: str, path: str, key: str, body: JsonValue, lost: type[TransientError]
    ) -> Answer:
        url = self.address.api(path)
        return self._client().ask(method, url, keys=_keys(key), headers=_JSON, lost=lost, json=body)

    def _client(self) -> HttpClient:
        settings = self._settings
        with self._lock:
            if self._http is None:
                self._http = HttpClient(
                    settings.url,
                    ca_file=settings.ca_file,
                    connect_timeout=settings.connect_timeout.total_seconds(),
                    read_timeout=settings.read_timeout.total_seconds(),
                    url_name="the url of the source",
                )
            return self._http


def _keys(key: str) -> dict[str, str]:
    return {"Authorization": key}
