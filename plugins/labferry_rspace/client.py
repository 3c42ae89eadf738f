"""Requests to one RSpace server. A key goes to its configured origin only, in one header."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from labferry.sdk import AnswerLostError, InvalidAnswerError, TransientError
from labferry_rspace.address import Address, origin
from labferry_rspace.answers import Answer, quote
from labferry_rspace.budget import Budget
from labferry_rspace.parallel_download import Spreading
from labferry_rspace.problems import judge
from labferry_rspace.server_settings import ServerSettings
from labferry_rspace.transport import certificate_problem, certificates, new_client, went_out

_LONGEST_BODY = 4 * 1024 * 1024
_JSON = "application/json"


class Client:
    """Requests to one RSpace server, and to the places where it keeps archives.

    Thread-safe. One httpx client speaks to the server, another, which never sees a key, to
    everybody else.

    Args:
        address: The configured address.
        settings: Time-outs and certificates.

    Attributes:
        spreading: Fetches large archives over several connections.
    """

    def __init__(self, address: Address, settings: ServerSettings) -> None:
        self.address = address
        self.spreading = Spreading()
        self._settings = settings
        self._lock = threading.Lock()
        self._clients: dict[bool, httpx.Client] = {}
        self._budgets: dict[str, Budget | None] = {}
        self._facts: dict[tuple[str, str], object] = {}

    def get(self, url: str, key: str) -> Answer:
        """Ask for JSON.

        Raises:
            TransientError: The server could not be asked.
        """
        request = self._keyed("GET", url, key)
        with self._sent(request) as response:
            answer = _read(response)
        with self._lock:
            self._budgets[key] = Budget.of(answer.headers)
        return answer

    def budget(self, key: str) -> Budget | None:
        """What the last answer told of the requests that a key has left; None if nothing."""
        with self._lock:
            return self._budgets.get(key)

    def get_json(self, url: str, key: str, doing: str) -> object:
        """Ask for JSON that must be there.

        Args:
            url: What to ask for.
            key: With which key.
            doing: The same in words that begin a sentence.

        Raises:
            LabferryError: As `problems.judge` says.
        """
        return usable(self.get(url, key), doing)

    def fact(self, url: str, key: str, doing: str) -> object:
        """As `get_json`, but what does not change within a run is asked for only once."""
        with self._lock:
            known = self._facts.get((url, key))
        if known is None:
            known = self.get_json(url, key, doing)
            with self._lock:
                self._facts[url, key] = known
        return known

    def post(
        self, url: str, key: str, form: Mapping[str, str], *, multipart: bool = False
    ) -> Answer:
        """Send a form, once, and wait for the answer as long as `submit_timeout` says.

        Raises:
            AnswerLostError: The server may have seen it, but the answer did not come.
            TransientError: The server certainly has not seen it.
        """
        seconds = self._settings.submit_timeout.total_seconds()
        body = {"files": {name: (None, text) for name, text in form.items()}}
        request = self._keyed(
            "POST", url, key, body=body if multipart else {"data": form}, read=seconds
        )
        with self._sent(request, lost=AnswerLostError) as response:
            return _read(response)

    @contextmanager
    def stream(
        self, url: httpx.URL, key: str | None, headers: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        """Ask for an archive; the body is read by the caller.

        Raises:
            TransientError: Nobody answered.
        """
        if key is not None:
            request = self._keyed("GET", str(url), key, headers=headers)
        else:
            request = self._client(keyed=False).build_request("GET", url, headers=headers)
        with self._sent(request) as response:
            yield response

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def failure(
        self, error: httpx.HTTPError, url: httpx.URL, lost: type[TransientError] = TransientError
    ) -> TransientError:
        """The error that a failed exchange is, in words."""
        place = f"{url.scheme}://{url.netloc.decode('ascii')}"
        certificate = certificate_problem(error)
        if certificate:
            return TransientError(
                f"The certificate of {place} was not accepted: {quote(certificate)}.",
                hint="If an institutional authority signed it, name its certificate in ca_file.",
            )
        if went_out(error):
            return lost(f"The exchange with {place} broke off: {self._reason(error)}.")
        return TransientError(
            f"{place} can't be reached: {self._reason(error)}.",
            hint="Is the server up, and the url of the source right?",
        )

    def _reason(self, error: httpx.HTTPError) -> str:
        match error:
            case httpx.ConnectTimeout():
                seconds = self._settings.connect_timeout.total_seconds()
                return f"it took no connection within {seconds:g} s"
            case httpx.ReadTimeout() | httpx.WriteTimeout():
                return "it was silent for too long"
            case httpx.LocalProtocolError():
                return "the request can't be sent"
        return quote(str(error)).rstrip(".") or type(error).__name__

    def _keyed(
        self,
        method: str,
        url: str,
        key: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        read: float | None = None,
    ) -> httpx.Request:
        target = httpx.URL(url)
        if origin(target) != self.address.origin:
            raise InvalidAnswerError(f"A key of {self.address.base} is not sent to another server.")
        client = self._client(keyed=True)
        sent = {"Accept": _JSON, **(headers or {}), "apiKey": key}
        return client.build_request(
            method, target, headers=sent, timeout=self._timeout(read), **(body or {})
        )

    @contextmanager
    def _sent(
        self, request: httpx.Request, lost: type[TransientError] = TransientError
    ) -> Iterator[httpx.Response]:
        client = self._client(keyed="apiKey" in request.headers)
        try:
            response = client.send(request, stream=True)
            try:
                yield response
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise self.failure(error, request.url, lost) from None

    def _client(self, *, keyed: bool) -> httpx.Client:
        with self._lock:
            if keyed not in self._clients:
                self._clients[keyed] = new_client(
                    certificates(self._settings.ca_file), self._timeout()
                )
            return self._clients[keyed]

    def _timeout(self, read: float | None = None) -> httpx.Timeout:
        silence = read or self._settings.read_timeout.total_seconds()
        connect = self._settings.connect_timeout.total_seconds()
        return httpx.Timeout(silence, connect=connect)


def usable(answer: Answer, doing: str) -> object:
    """The JSON of an answer that must have some.

    Raises:
        LabferryError: As `problems.judge` says.
    """
    document = answer.json if answer.ok else None
    if document is None:
        raise judge(answer, doing)
    return document


def _read(response: httpx.Response) -> Answer:
    """Read a body that should be small; what is longer is cut, and then is no JSON."""
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > _LONGEST_BODY:
            break
    return Answer(response.status_code, response.headers, bytes(body[:_LONGEST_BODY]))
