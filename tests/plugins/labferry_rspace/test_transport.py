import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from labferry.sdk import (
    AnswerLostError,
    ConfigError,
    ExportRequest,
    InvalidAnswerError,
    JobStatus,
    TransientError,
)
from labferry.testing.rspace import ALICE_KEY, Answer, Fault, Options, SimulatedRSpace
from labferry_rspace import RSpaceSource, labferry_sources

Connect = Callable[..., RSpaceSource]
Serve = Callable[..., SimulatedRSpace]
Finish = Callable[[RSpaceSource], JobStatus]
Fetch = Callable[[RSpaceSource, str], bytes]


def test_the_plugin_offers_its_sources() -> None:
    assert [kind.type for kind in labferry_sources()] == ["rspace", "rspace-inventory"]


@pytest.mark.parametrize("presigned", [False, True])
def test_an_export_over_https_with_an_institutional_authority(  # noqa: PLR0913, PLR0917 - fixtures
    serve: Serve,
    connect: Connect,
    finish: Finish,
    fetch: Fetch,
    server_tls: ssl.SSLContext,
    ca_file: Path,
    presigned: bool,  # noqa: FBT001 - a table
) -> None:
    server = serve(Options(tls=server_tls, presigned=presigned))
    source = connect(server, ca_file=str(ca_file))
    offer = finish(source).offer
    assert offer is not None
    assert offer.link is not None
    assert offer.link.startswith("https://")
    assert fetch(source, offer.link) == server.exports[-1].content()


def test_an_unknown_authority_is_not_accepted_and_ca_file_is_hinted_at(
    serve: Serve, connect: Connect, server_tls: ssl.SSLContext
) -> None:
    server = serve(Options(tls=server_tls))
    with pytest.raises(TransientError, match="certificate") as caught:
        connect(server).lanes()
    assert "ca_file" in caught.value.hint
    assert server.requests == []


def test_a_certificate_for_another_host_is_not_accepted(
    serve: Serve, connect: Connect, server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    server = serve(Options(tls=server_tls))
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(TransientError, match="certificate"):
        connect(elsewhere, ca_file=str(ca_file)).lanes()


def test_a_certificate_that_fails_means_that_no_export_began(
    serve: Serve, connect: Connect, server_tls: ssl.SSLContext
) -> None:
    plain = serve()
    source = connect(plain)
    (request,) = source.plan(source.lanes())
    server = serve(Options(tls=server_tls))
    source._session.client.close()
    source._session.client.address = connect(server)._session.client.address
    with pytest.raises(TransientError, match="certificate") as caught:
        source.submit(request, source.lanes()[0])
    assert not isinstance(caught.value, AnswerLostError)
    assert server.exports == []


def test_https_to_a_server_without_tls_is_told(server: SimulatedRSpace, connect: Connect) -> None:
    with pytest.raises(TransientError, match="can't be reached"):
        connect(server.url.replace("http:", "https:")).lanes()


@pytest.mark.parametrize(
    ("content", "told"), [(None, "can't be read"), ("no certificate", "holds no certificate")]
)
def test_a_bad_ca_file_is_a_mistake_in_the_configuration(
    server: SimulatedRSpace, connect: Connect, tmp_path: Path, content: str | None, told: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=told):
        connect(server, ca_file=str(path)).lanes()


def test_a_name_that_does_not_resolve_is_transient(connect: Connect) -> None:
    with pytest.raises(TransientError, match=r"http://rspace\.invalid can't be reached"):
        connect("http://rspace.invalid").lanes()


def test_a_connection_that_is_not_taken_ends_after_connect_timeout(connect: Connect) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)  # noqa: FBT003 - the standard library's own
            one.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TransientError, match=r"no connection within 0\.05 s"):
            connect(url, connect_timeout="50ms").lanes()
        for one in waiting:
            one.close()


def test_proxies_come_from_the_environment_and_see_the_key_only_where_http_is_plain(
    server: SimulatedRSpace, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("NO_PROXY", "")
    assert connect("http://rspace.invalid").lanes() == ["alice@rspace.invalid"]


def test_a_proxy_that_refuses_means_that_no_export_began(
    server: SimulatedRSpace, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = connect(server)
    (request,) = source.plan(source.lanes())
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    monkeypatch.setenv("NO_PROXY", "")
    source._session.client.close()
    source._session.client.address = connect("https://rspace.invalid")._session.client.address
    with pytest.raises(TransientError) as caught:
        source.submit(request, source.lanes()[0])
    assert not isinstance(caught.value, AnswerLostError)
    assert not any(asked.carries(ALICE_KEY) for asked in server.requests[1:])


@pytest.mark.parametrize(
    "proxy",
    [
        "ftp://user:Canary5@proxy.example.edu",
        "socks5://x",
        "http://user:Can/ary5@proxy.example.edu",
    ],
)
def test_a_proxy_that_can_not_be_used_is_told_without_its_password(
    server: SimulatedRSpace, connect: Connect, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError, match="ALL_PROXY") as caught:
        connect(server).lanes()
    assert "ary5" not in str(caught.value)


def test_a_netrc_file_adds_no_credentials(
    serve: Serve,
    connect: Connect,
    finish: Finish,
    fetch: Fetch,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\ndefault login x password y\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    server = serve(Options(presigned=True))
    source = connect(server)
    offer = finish(source).offer
    assert offer is not None
    assert offer.link is not None
    fetch(source, offer.link)
    assert not any("authorization" in request.headers for request in server.requests)


def test_no_cookie_is_kept_so_that_lanes_share_no_session(
    server: SimulatedRSpace, connect: Connect
) -> None:
    cookie = (("Set-Cookie", "JSESSIONID=abc; Path=/"),)
    body = b'{"id":101,"username":"alice"}'
    server.faults.add(Fault("whoami", Answer(200, body, "application/json", headers=cookie)))
    source = connect(server)
    (request,) = source.plan(source.lanes())
    source.submit(request, source.lanes()[0])
    assert not any("cookie" in asked.headers for asked in server.requests)


def test_requests_say_who_asks(server: SimulatedRSpace, connect: Connect) -> None:
    connect(server).lanes()
    assert server.requests[0].headers["user-agent"].startswith("labferry")


def test_a_key_is_never_sent_to_another_origin(server: SimulatedRSpace, connect: Connect) -> None:
    client = connect(server)._session.client
    with pytest.raises(InvalidAnswerError, match="not sent to another server"):
        client.get("http://localhost:1/api/v1/status", ALICE_KEY)


def test_a_closed_source_gave_its_connections_back(
    server: SimulatedRSpace, connect: Connect
) -> None:
    source = connect(server)
    source.lanes()
    source.close()
    source.close()


def test_intervals_are_as_configured(server: SimulatedRSpace, connect: Connect) -> None:
    source = connect(server, poll_interval="90s", job_timeout="2h")
    assert (source.poll_interval, source.job_timeout) == (90, 7200)


def test_a_request_is_the_same_in_every_run(server: SimulatedRSpace, connect: Connect) -> None:
    def planned() -> list[ExportRequest]:
        source = connect(server, scope="selection", selections=[202, 203])
        return list(source.plan(source.lanes()))

    assert planned() == planned()
