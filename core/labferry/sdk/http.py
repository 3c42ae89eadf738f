"""One HTTP client for every plugin: careful with keys, with time, with memory and with words.

What it does, whichever server it speaks to:

- It takes bytes as they are. An answer in an encoding that nobody asked for is refused: a few
  kilobytes of it can unpack into gigabytes.
- It follows no redirect and keeps no cookie. A key goes to the configured server only.
- Certificates are always verified. Proxies come from the environment, see `http_environment`.
- Each answer has a limit in size and time, and a download a least speed: `SLOWEST` bytes a second
  over `WINDOW` seconds. A run that is to stop, or whose time is over, ends every wait.
- What fails is an error of `labferry.sdk.errors`, in words that name the server or the proxy.

Importing this module takes time. A plugin does so when it first speaks to a server.
"""

import logging
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

import httpx

from labferry.sdk.errors import (
    AnswerLostError,
    InvalidAnswerError,
    RefusedError,
    TransientError,
    UnavailableError,
)
from labferry.sdk.http_address import origin, place
from labferry.sdk.http_answers import Answer, judge, means_unavailable
from labferry.sdk.http_environment import Proxies, Proxy, certificates
from labferry.sdk.http_wire import SLOWEST, UNSTOPPED, WHOLE, WINDOW, Transport, body
from labferry.sdk.quoting import quote

__all__ = ["SLOWEST", "WINDOW", "Answer", "HttpClient", "Response", "judge", "means_unavailable"]

LONGEST_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer that is read whole, unless somebody asks for more."""

_QUERY = re.compile(r"\?[^\s'\"]*")
_PROXY_AUTHENTICATION = 407
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class Response:
    """An answer whose body is not read yet.

    Attributes:
        status: Its HTTP status.
        headers: Its headers.
        url: What was asked for.
    """

    def __init__(
        self, response: httpx.Response, client: "HttpClient", lost: type[TransientError]
    ) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.url = response.url
        self._response = response
        self._client = client
        self._lost = lost

    def chunks(self) -> Iterator[bytes | bytearray]:
        """The body as it comes. It may take as long as it needs, if it is not too slow.

        Raises:
            InvalidAnswerError: It is in an encoding that was not asked for.
            TransientError: It broke off.
        """
        self._require_plain()
        self._response.extensions["watch"].end_of_head()
        try:
            yield from body(self._response)
        except httpx.HTTPError as error:
            self._client.fail(error, self.url, TransientError)

    def answer(self, longest: int = LONGEST_ANSWER) -> Answer:
        """The answer with its body, up to a limit in bytes.

        Raises:
            InvalidAnswerError: It is one of success in an encoding that was not asked for;
                AnswerLostError if that is what a lost answer is.
            httpx.HTTPError: It broke off; `HttpClient` makes its own error of that.
        """
        read = bytearray()
        if httpx.codes.is_success(self.status):
            self._require_plain()
        if not self._encoding:
            for chunk in self._response.iter_raw():
                read += chunk
                if len(read) >= longest:
                    break
        return Answer(self.status, self.headers, bytes(read[:longest]))

    def close(self) -> None:
        """Read nothing more."""
        self._response.close()

    @property
    def _encoding(self) -> str:
        coding = self.headers.get("content-encoding", "").strip().lower()
        return "" if coding == "identity" else coding

    def _require_plain(self) -> None:
        if self._encoding:
            is_lost = issubclass(self._lost, AnswerLostError)
            raise (self._lost if is_lost else InvalidAnswerError)(
                f"{place(self.url)} answered in an encoding that was not asked for "
                f"({quote(self._encoding)!r}).",
                hint="A proxy that compresses what it passes on may stand in between.",
            )


class HttpClient:
    """Requests to one server, and without its keys to any other. Thread-safe.

    Args:
        base: The server's address. Keys go nowhere else.
        ca_file: Certificates (PEM) of an authority to trust in addition to the well-known ones.
        connect_timeout: Seconds that connecting may take.
        read_timeout: Seconds for which the other side may be silent. An answer that is read whole
            may take twice as long altogether.
        url_name: What messages call the setting that holds the address.

    Raises:
        ConfigError: `ca_file` or the environment makes no sense.
    """

    def __init__(
        self,
        base: str,
        *,
        ca_file: Path | None = None,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        url_name: str = "the url",
    ) -> None:
        self._base = base
        self._origin = origin(httpx.URL(base))
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._url_name = url_name
        self._proxies = Proxies.from_environment()
        self._client = httpx.Client(
            transport=Transport(certificates(ca_file), self._proxies),
            headers={"User-Agent": _user_agent(), "Accept-Encoding": "identity"},
            # With cookies, lanes would share a session.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            trust_env=False,
        )

    def ask(
        self,
        method: str,
        url: str | httpx.URL,
        *,
        longest: int = LONGEST_ANSWER,
        **request: Any,  # noqa: ANN401 - as `stream` takes it
    ) -> Answer:
        """Send a request, once, and read the answer whole.

        Args:
            method: GET, POST and so on.
            url: What to ask for.
            longest: Bytes of the body that are read at most.
            request: The same as for `stream`.

        Raises:
            InvalidAnswerError: The answer is in an encoding that was not asked for.
            UnavailableError: The server could not be asked.
        """
        with self.stream(method, url, **request) as response:
            return response.answer(longest)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str | httpx.URL,
        *,
        headers: Mapping[str, str] | None = None,
        keys: Mapping[str, str] | None = None,
        lost: type[TransientError] = UnavailableError,
        read_timeout: float | None = None,
        **content: Any,  # noqa: ANN401 - what httpx takes
    ) -> Iterator[Response]:
        """Send a request, once; the caller reads the answer.

        Args:
            method: GET, POST and so on.
            url: What to ask for.
            headers: Headers of this request.
            keys: Headers that are secret. They go to the configured server only.
            lost: What to raise if the server may have seen the request, but no answer came.
            read_timeout: Another one than usual.
            content: A body, as httpx takes it: `content`, `data`, `files`, `json`; `params`.

        Raises:
            InvalidAnswerError: A key would go to another server.
            UnavailableError: The server could not be asked, and has seen nothing.
        """
        silence = read_timeout or self._read_timeout
        request = self._client.build_request(
            method,
            url,
            headers=dict(headers or {}),
            timeout=httpx.Timeout(silence, connect=self._connect_timeout),
            # What takes effect there is not left before it is known whether it did.
            extensions={WHOLE: 2 * silence, UNSTOPPED: issubclass(lost, AnswerLostError)},
            **content,
        )
        if keys:
            self._add(request, keys)
        try:
            response = self._client.send(request, auth=None, stream=True)
            try:
                self._require_proxy(response)
                yield Response(response, self, lost)
            finally:
                response.close()
        except httpx.HTTPError as error:
            self.fail(error, request.url, lost)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def fail(self, error: httpx.HTTPError, url: httpx.URL, lost: type[TransientError]) -> NoReturn:
        """Raise what a failed exchange is, in words."""
        raise self._failure(error, url, lost) from None

    def _failure(
        self, error: httpx.HTTPError, url: httpx.URL, lost: type[TransientError]
    ) -> TransientError:
        where, reason, proxy = place(url), self._reason(error), self._proxies.of(url)
        certificate = _certificate_problem(error)
        if certificate:
            return TransientError(
                f"The certificate of {where} was not accepted: {quote(certificate)}.",
                hint="If an institutional authority signed it, name its certificate in ca_file.",
                is_hopeless=True,
            )
        if isinstance(error, httpx.ProxyError) and proxy is not None:
            return _proxy_refusal(proxy, where, reason)
        if not isinstance(error, _NOT_SENT):
            return lost(f"The exchange with {where} broke off: {reason}.")
        if proxy is not None and not _is_tls(error):
            return UnavailableError(
                f"{proxy} can't be reached: {reason}.",
                hint=f"Is that address right? If {where} can be reached without it, add "
                f"{url.host} to NO_PROXY.",
            )
        return UnavailableError(
            f"{where} can't be reached: {reason}.",
            hint=f"Is the server up, and {self._url_name} right?",
        )

    def _reason(self, error: httpx.HTTPError) -> str:
        match error:
            case httpx.ConnectTimeout():
                return f"it took no connection within {self._connect_timeout:g} s"
            case httpx.LocalProtocolError():
                # httpx would show the header that can't be sent.
                return "the request can't be sent"
        return quote(str(error)).rstrip(".") or type(error).__name__

    def _add(self, request: httpx.Request, keys: Mapping[str, str]) -> None:
        if origin(request.url) != self._origin:
            raise InvalidAnswerError(f"A key of {self._base} is not sent to another server.")
        for name, value in keys.items():
            if not (value.isascii() and value.isprintable()):
                raise RefusedError(f"A key of {self._base} holds characters that no key has.")
            request.headers[name] = value

    def _require_proxy(self, response: httpx.Response) -> None:
        """Take a proxy's own refusal for what it is; without TLS it is an answer as any."""
        proxy = self._proxies.of(response.url)
        if response.status_code == _PROXY_AUTHENTICATION and proxy is not None:
            reason = f"407 {response.reason_phrase}"
            raise _proxy_refusal(proxy, place(response.url), reason)


def _proxy_refusal(proxy: Proxy, where: str, reason: str) -> TransientError:
    if not reason.startswith(str(_PROXY_AUTHENTICATION)):
        return UnavailableError(f"{proxy} did not connect to {where}: {reason}.")
    return TransientError(
        f"{proxy} did not connect to {where}: {reason}.",
        hint=f"It wants another user name and password: {proxy.variable} must look like "
        "http://USER:PASSWORD@proxy.example.edu:3128.",
        is_hopeless=True,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _certificate_problem(error: httpx.HTTPError) -> str:
    """Why the server's certificate was not accepted; empty if that is not what happened."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
    return ""


def _is_tls(error: httpx.HTTPError) -> bool:
    return any(isinstance(cause, ssl.SSLError) for cause in _causes(error))


def _user_agent() -> str:
    """A name of its own: servers slow down the common ones."""
    try:
        return f"labferry/{version('labferry')} (backup of electronic lab notebooks)"
    except PackageNotFoundError:
        return "labferry (backup of electronic lab notebooks)"


class _WithoutQueries(logging.Filter):
    """Keeps presigned links, whose signatures are as good as a password, out of the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _QUERY.sub("?…", record.getMessage())
        record.args = ()
        return True


for _name in ("httpx", "httpcore.http11"):
    logging.getLogger(_name).addFilter(_WithoutQueries())
