"""The one HTTP client: nothing hostile or broken at the other end costs memory, time or a key."""

import gzip
import itertools
import json
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.servers.raw_http import RawServer

from labferry.sdk import (
    AnswerLostError,
    ConfigError,
    InvalidAnswerError,
    LabferryError,
    NotFinishedError,
    RefusedError,
    StoppedError,
    TransientError,
    UnavailableError,
    http_wire,
)
from labferry.sdk.http import Answer, HttpClient, judge, means_unavailable
from labferry.sdk.http_environment import Proxies
from labferry.sdk.waiting import interruptible, pause

NOBODY = "http://127.0.0.1:1"
KEY = "c4nary0123456789"


@pytest.fixture
def ask() -> Iterator[Callable[..., Answer]]:
    clients: list[HttpClient] = []

    def get(url: str, *, read_timeout: float = 5.0, **how: Any) -> Answer:  # noqa: ANN401 - as the client takes it
        clients.append(HttpClient(url, read_timeout=read_timeout))
        return clients[-1].ask("GET", url, **how)

    yield get
    for client in clients:
        client.close()


def head(status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def answering(*pieces: bytes) -> RawServer:
    return RawServer(lambda _: pieces)


def bomb() -> bytes:
    """A few kilobytes that two decodings would make gigabytes."""
    return gzip.compress(gzip.compress(b"\0" * (1 << 24)) * 400)


Ask = Callable[..., Answer]


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip", "deflate", "br", "zstd", "x-gzip"])
def test_encoding_that_was_not_asked_for_is_refused_unread(ask: Ask, encoding: str) -> None:
    body = bomb()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        answering(head(Content_Encoding=encoding, Content_Length=str(len(body))), body) as server,
        pytest.raises(InvalidAnswerError, match="encoding that was not asked for"),
    ):
        ask(server.url)
    assert b"Accept-Encoding: identity" in server.heads[0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_error_in_an_encoding_keeps_its_status(ask: Ask) -> None:
    with answering(head("503 Busy", Content_Encoding="gzip", Content_Length="9"), b"x" * 9) as it:
        answer = ask(it.url)
    assert (answer.status, answer.body) == (503, b"")


def test_endless_answer_is_cut(ask: Ask) -> None:
    def endless(_: RawServer) -> Iterable[bytes]:
        return itertools.chain([head()], itertools.repeat(b"x" * 65536))

    with RawServer(endless) as server:
        assert len(ask(server.url, longest=100_000).body) == 100_000


def trickling(*first: bytes) -> RawServer:
    return RawServer(lambda server: itertools.chain(first, server.trickle()))


@pytest.mark.parametrize(
    "first",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", head(Content_Length="1000000"), head()],
    ids=["status", "header", "body", "body without a length"],
)
def test_answer_that_trickles_ends_after_twice_the_silence(ask: Ask, first: bytes) -> None:
    began = time.monotonic()
    with trickling(first) as server, pytest.raises(TransientError, match=r"longer than 0\.6 s"):
        ask(server.url, read_timeout=0.3)
    assert time.monotonic() - began < 3


def test_interim_answers_without_end_do_not_hold_a_request(ask: Ask) -> None:
    def interim(server: RawServer) -> Iterable[bytes]:
        while not server.stopping.wait(0.05):
            yield b"HTTP/1.1 102 Processing\r\n\r\n"

    with RawServer(interim) as server, pytest.raises(TransientError, match="longer than"):
        ask(server.url, read_timeout=0.3)


@pytest.mark.parametrize("length", ["", "100", "10000000"])
def test_download_that_trickles_is_given_up(length: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_wire, "WINDOW", 0.5)
    headers = {"Content_Length": length} if length else {}
    with trickling(head(**headers)) as server:
        client = HttpClient(server.url)
        with (
            pytest.raises(TransientError, match=r"only \d+ bytes in"),
            client.stream("GET", server.url) as response,
        ):
            for _ in response.chunks():
                pass
        client.close()


def test_slow_reader_is_not_taken_for_a_slow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_wire, "WINDOW", 0.2)
    body = b"x" * 4000
    with answering(head(Content_Length="4000"), *[body[n : n + 1] for n in range(4000)]) as server:
        client = HttpClient(server.url, read_timeout=0.2)
        with client.stream("GET", server.url) as response:
            time.sleep(1)
            assert b"".join(response.chunks()) == body
        client.close()


@pytest.mark.parametrize("first", [b"", head(Content_Length="10000000")], ids=["answer", "body"])
def test_stop_ends_a_wait_at_once(first: bytes) -> None:
    ends = time.monotonic() + 0.3

    def check() -> None:
        if time.monotonic() > ends:
            raise StoppedError(15)

    with RawServer(lambda _: [first], hang=True) as server:
        client = HttpClient(server.url)
        with (
            pytest.raises(StoppedError),
            interruptible(check),
            client.stream("GET", server.url) as response,
        ):
            [*response.chunks()]
        client.close()
    assert time.monotonic() - ends < 2


@pytest.mark.parametrize("lost", [AnswerLostError, UnavailableError])
def test_stop_waits_for_the_answer_to_what_takes_effect(lost: type[TransientError]) -> None:
    ends = time.monotonic() + 0.3

    def check() -> None:
        if time.monotonic() > ends:
            raise StoppedError(15)

    def late(server: RawServer) -> Iterable[bytes]:
        yield b"" if server.stopping.wait(1.2) else head(Content_Length="0")

    with RawServer(late) as it:
        client = HttpClient(it.url)
        with interruptible(check):
            try:
                is_stopped = not client.ask("POST", it.url, lost=lost).ok
            except StoppedError:
                is_stopped = True
        client.close()
    assert is_stopped is (lost is not AnswerLostError)


def test_upload_that_nobody_takes_ends_after_the_silence() -> None:
    with RawServer(lambda _: [], hang=True) as server:
        client = HttpClient(server.url, read_timeout=0.5)
        with pytest.raises(TransientError, match="silent for"):
            client.ask("PUT", server.url, content=itertools.repeat(b"x" * 65536, 1000))
        client.close()


def test_pause_is_ended_by_the_run_too() -> None:
    def check() -> None:
        raise StoppedError(15)

    with pytest.raises(StoppedError), interruptible(check):
        pause(60)


def test_pause_is_no_longer_than_the_run_may_last() -> None:
    def done() -> None:
        return

    with interruptible(done, lambda: None), interruptible(done, lambda: 0.5):
        pause(0.01)
        with pytest.raises(NotFinishedError, match=r"max_wait\): the tide"):
            pause(60, "the tide")


def test_redirect_is_not_followed(ask: Ask) -> None:
    with answering(head("302 Found", Location=NOBODY, Content_Length="0")) as server:
        assert ask(server.url).status == 302
    assert len(server.heads) == 1


def test_key_goes_to_its_own_server_only() -> None:
    with answering(head(Content_Length="0")) as server:
        client = HttpClient(NOBODY)
        with pytest.raises(InvalidAnswerError, match="not sent to another server"):
            client.ask("GET", server.url, keys={"apiKey": KEY})
        client.close()
    assert server.heads == []


@pytest.mark.parametrize("key", ["new\nline", "nül", "tab\t", "\0"])
def test_key_that_no_header_can_hold_is_not_shown(key: str) -> None:
    client = HttpClient(NOBODY)
    with pytest.raises(RefusedError) as caught:
        client.ask("GET", NOBODY, keys={"apiKey": key})
    client.close()
    assert key not in str(caught.value)


def test_server_that_is_not_there_is_unavailable(ask: Ask) -> None:
    with pytest.raises(UnavailableError, match=r"http://127\.0\.0\.1:1 can't be reached"):
        ask(NOBODY)


def test_answer_that_never_came_is_what_the_caller_calls_it(ask: Ask) -> None:
    with answering(b"") as server, pytest.raises(AnswerLostError, match="broke off"):
        ask(server.url, lost=AnswerLostError)


# Proxies


@pytest.fixture
def via(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def proxied(proxy: str) -> None:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("https_proxy", proxy)

    return proxied


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_that_is_not_there_is_blamed_itself(
    ask: Ask, via: Callable[[str], None], scheme: str
) -> None:
    via("http://me:c4nary@127.0.0.1:1")
    with pytest.raises(UnavailableError) as caught:
        ask(f"{scheme}://rspace.example.edu")
    message = f"The proxy http://127.0.0.1:1 (environment variable {scheme}_proxy) can't be reached"
    assert str(caught.value).startswith(message)
    assert "c4nary" not in str(caught.value)


@pytest.mark.parametrize(
    ("scheme", "status", "class_"),
    [
        ("http", "407 Proxy Authentication Required", TransientError),
        ("https", "407 Proxy Authentication Required", TransientError),
        # Without TLS, nobody can tell whose answer that would be.
        ("https", "503 No route", UnavailableError),
    ],
)
def test_refusal_of_a_proxy_is_not_the_servers(
    ask: Ask, via: Callable[[str], None], scheme: str, status: str, class_: type[LabferryError]
) -> None:
    with answering(head(status, Content_Length="0")) as server:
        via(f"http://me:p%2Fw@{server.address}")
        with pytest.raises(class_, match=f"The proxy {server.url}") as caught:
            ask(f"{scheme}://rspace.example.edu", lost=AnswerLostError)
    assert not isinstance(caught.value, AnswerLostError)
    assert status[:3] in str(caught.value)
    assert b"Proxy-Authorization: Basic bWU6cC93" in server.heads[0]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize(
    "proxy",
    [
        *("http://user:c4nary/x@proxy.example.edu:3128", "http://user:c4nary@proxy:port"),
        *("ftp://user:c4nary@proxy.example.edu", "http://", "http://[c4nary", "socks5://c4nary"),
    ],
)
def test_proxy_that_makes_no_sense_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, proxy: str
) -> None:
    monkeypatch.setenv(name, proxy)
    with pytest.raises(ConfigError, match=f"environment variable {name} ") as caught:
        HttpClient("https://rspace.example.edu")
    assert "c4nary" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("direct", "host", "is_direct"),
    [
        ("example.edu", "rspace.example.edu", True),
        (".example.edu", "rspace.example.edu", True),
        ("*.example.edu", "rspace.example.edu", True),
        ("ample.edu", "rspace.example.edu", False),
        ("RSPACE.example.edu:443", "rspace.example.edu", True),
        ("rspace.example.edu:80", "rspace.example.edu", False),
        ("https://rspace.example.edu", "rspace.example.edu", True),
        ("localhost, rspace.example.edu", "rspace.example.edu", True),
        ("*", "rspace.example.edu", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "rspace.example.edu", False),
        ("fe80::/10", "rspace.example.edu", False),
        ("fe80::/10", "[fe80::1]", True),
        ("::1", "[::1]", True),
        ("[::1]:443", "[::1]", True),
        ("fe80::/999, [, :, ::gg/9, %", "rspace.example.edu", False),
    ],
)
def test_no_proxy_names_hosts_domains_addresses_and_networks(
    monkeypatch: pytest.MonkeyPatch, direct: str, host: str, *, is_direct: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.edu:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", direct)
    found = Proxies.from_environment().of(httpx.URL(f"https://{host}/api"))
    assert (found is None) is is_direct


# Certificates


@pytest.mark.parametrize("content", [None, b"nothing of the kind"])
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"])
def test_certificate_variable_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = tmp_path / "none" / "file"
    if content is not None and name != "SSLKEYLOGFILE":
        path = tmp_path / "file"
        path.write_bytes(content)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv(name, str(path))
    with pytest.raises(ConfigError, match=name):
        HttpClient("https://rspace.example.edu")


# Words


def said(status: int, body: bytes = b"{}", kind: str = "application/json") -> LabferryError:
    answer = Answer(status, httpx.Headers({"content-type": kind}), body)
    return judge(answer, "Asking", key_hint="a new key", url_hint="the url")


def test_page_of_a_proxy_does_not_ask_for_a_new_key() -> None:
    assert said(403).hint == "a new key"
    page = said(403, b"<html>", "text/html")
    assert isinstance(page, RefusedError)
    assert "proxy" in page.hint


def test_captive_portal_is_told_from_the_server() -> None:
    page = said(200, b"<!DOCTYPE html>", "text/html; charset=utf-8")
    assert isinstance(page, InvalidAnswerError)
    assert "login page" in page.hint


def test_unavailable_is_what_the_one_function_says() -> None:
    unavailable = [status for status in range(200, 600) if means_unavailable(status)]
    assert unavailable == [502, 503, 504]
    assert [n for n in range(200, 600) if isinstance(said(n), UnavailableError)] == unavailable


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'["\ud800"]', ["?"]),
        (r'["a\udc00\ud800b", "\ud83d\ude00"]', ["a??b", "\U0001f600"]),
        (r'{"\uDfFf": "\\ud800"}', {"?": "\\ud800"}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ("[-0, -0.0, 1e-999]", [0, 0.0, 0.0]),
        ("[" + "9" * 4000 + "]", [int("9" * 4000)]),
    ],
)
def test_odd_json_is_something_that_can_be_stored(text: str, value: object) -> None:
    assert Answer(200, httpx.Headers(), text.encode()).json == value


def test_half_a_character_in_any_encoding_is_a_question_mark() -> None:
    for body in (b'["\xed\xa0\x80"]', '["\ud800"]'.encode("utf-16", "surrogatepass")):
        found = Answer(200, httpx.Headers(), body).json
        assert found is None or json.dumps(found, ensure_ascii=False).encode()


@pytest.mark.parametrize("text", ["[1e999]", "[NaN]", "[Infinity]", "[" * 9999, "9" * 5000, "{"])
def test_json_that_no_server_means_is_none(text: str) -> None:
    assert Answer(200, httpx.Headers(), text.encode()).json is None
