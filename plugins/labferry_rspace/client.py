"""Requests to one RSpace server. A key goes to its configured origin only, in one header."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from labferry.sdk import AnswerLostError
from labferry.sdk.http import HttpClient, Response
from labferry_rspace.address import Address
from labferry_rspace.answers import Answer
from labferry_rspace.budget import Budget
from labferry_rspace.parallel_download import Spreading
from labferry_rspace.problems import judge
from labferry_rspace.server_settings import ServerSettings

_JSON = {"Accept": "application/json"}


class Client:
    """Requests to one RSpace server, and without a key to the places where it keeps archives.

    Thread-safe.

    Args:
        address: The configured address.
        settings: Time-outs and certificates.

    Attributes:
        spreading: Fetches large archives over several connections.
    """

    def __init__(self, address: Address, settings: ServerSettings) -> None:
        self.address = address
        self.spreading = Spreading()
        self._http: HttpClient | None = None
        self._settings = settings
        self._lock = threading.Lock()
        self._budgets: dict[str, Budget | None] = {}
        self._facts: dict[tuple[str, str], object] = {}

    def get(self, url: str, key: str) -> Answer:
        """Ask for JSON.

        Raises:
            UnavailableError: The server could not be asked.
            InvalidAnswerError: The answer is in an encoding that was not asked for.
        """
        with self._client().stream("GET", url, keys={"apiKey": key}, headers=_JSON) as response:
            answer = _whole(response)
        with self._lock:
            self._budgets[key] = Budget.of(answer.headers)
        return answer

    def budget(self, key: str) -> Budget | None:
        """What the last answer said of the requests that a key has left; None if nothing."""
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
        body = {"files": {name: (None, text) for name, text in form.items()}}
        with self._client().stream(
            "POST",
            url,
            keys={"apiKey": key},
            headers=_JSON,
            lost=AnswerLostError,
            read_timeout=self._settings.submit_timeout.total_seconds(),
            **(body if multipart else {"data": form}),
        ) as response:
            return _whole(response)

    @contextmanager
    def stream(
        self, url: httpx.URL, key: str | None, headers: Mapping[str, str]
    ) -> Iterator[Response]:
        """Ask for an archive; the body is read by the caller.

        Raises:
            UnavailableError: Nobody answered.
        """
        keys = {} if key is None else {"apiKey": key}
        with self._client().stream("GET", url, keys=keys, headers=headers) as response:
            yield response

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._http is not None:
                self._http.close()
            self._http = None

    def _client(self) -> HttpClient:
        settings = self._settings
        with self._lock:
            if self._http is None:
                self._http = HttpClient(
                    self.address.base,
                    ca_file=settings.ca_file,
                    connect_timeout=settings.connect_timeout.total_seconds(),
                    read_timeout=settings.read_timeout.total_seconds(),
                    url_name="the url of the source",
                )
            return self._http


def usable(answer: Answer, doing: str) -> object:
    """The JSON of an answer that must have some.

    Raises:
        LabferryError: As `problems.judge` says.
    """
    document = answer.json if answer.ok else None
    if document is None:
        raise judge(answer, doing)
    return document


def _whole(response: Response) -> Answer:
    answer = response.answer()
    return Answer(answer.status, answer.headers, answer.body)
