"""What goes wrong between us and the server, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trustme

from labferry.testing.rspace import (
    Fault,
    JobEnds,
    JobTiming,
    On,
    Options,
    Outcome,
    Redirect,
    SimulatedRSpace,
    html_answer,
)

if TYPE_CHECKING:
    import ssl

    from tests.cli.conftest import Serve, Source
    from tests.lab import Done, Lab


SLOWLY = Options(timing=JobTiming(queue=0.5))
"""Not over before its submission is answered, however busy the machine is."""


def _assert_failed(lab: Lab, done: Done, code: int, *words: str) -> None:
    """It failed, said so once, and left nothing that looks like a backup."""
    assert done.code == code, done.err
    assert done.out == ""
    head, problem, advice = done.messages
    assert head.startswith(f"labferry: Run 1 ended with exit code {code} (")
    assert problem.startswith("labferry: lab: ")
    assert advice.startswith("labferry: The next run tries again what failed")
    for word in words:
        assert word in problem
    assert len(set(problem.split(". "))) == len(problem.split(". "))
    assert lab.files() == []


@pytest.mark.parametrize(
    ("keys", "code", "words"),
    [
        ({"key": "WRONG_KEY"}, 5, ["the key from env WRONG_KEY", "HTTP 401", "My RSpace, Profile"]),
        (
            {"key": "ALICE_KEY", "scope": "group", "id": 1234},
            5,
            ["group 1234", "alice is not authorised", "what the account may export"],
        ),
        ({"key": "BOB_KEY", "id": 101}, 5, ["user 101", "bob is not authorised"]),
        ({"key": "ALICE_KEY", "scope": "group"}, 5, ["alice", "is not the PI", "id is not set"]),
        ({"key": "SYSADMIN_KEY", "id": 99999}, 1, ["user 99999", "not found", "does not exist"]),
        (
            {"key": "SYSADMIN_KEY", "scope": "group", "id": 99999},
            1,
            ["group 99999", "not found", "does not exist"],
        ),
        (
            {"key": "ALICE_KEY", "scope": "selection", "selections": [99999]},
            5,
            ["selection", "or is not this account's"],
        ),
    ],
    ids=[
        "wrong key",
        "forbidden group",
        "forbidden user",
        "no group",
        "unknown user",
        "unknown group",
        "unknown record",
    ],
)
def test_what_is_not_allowed_or_not_there(
    lab: Lab,
    server: SimulatedRSpace,
    source: Source,
    *,
    keys: dict[str, Any],
    code: int,
    words: list[str],
) -> None:
    lab.write({"lab": source(server, **keys)})

    _assert_failed(lab, lab.run("sync"), code, *words)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.ABANDONED, Outcome.STOPPED])
def test_the_servers_own_reasons_are_told(
    lab: Lab, serve: Serve, source: Source, outcome: Outcome
) -> None:
    server = serve(SLOWLY)
    server.faults.add(Fault("job", JobEnds(outcome, "The export disk is full")))
    lab.write({"lab": source(server)})

    done = lab.run("sync")

    _assert_failed(lab, done, 1, "work of alice", "The export disk is full", outcome.value)


def test_a_job_that_ended_without_a_reason(lab: Lab, serve: Serve, source: Source) -> None:
    server = serve(SLOWLY)
    server.faults.add(Fault("job", JobEnds(Outcome.ABANDONED)))
    lab.write({"lab": source(server)})

    _assert_failed(lab, lab.run("sync"), 1, "ended the export", "ABANDONED")


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Outcome.NO_LINK, "no archive with a download link"),
        (Outcome.NO_CHECKSUM, "no archive with a checksum"),
        (Outcome.NO_SIZE, "no archive with a size"),
        (Outcome.UNREADABLE, "how RSpace reports an export that failed"),
    ],
)
def test_a_completed_job_that_offers_nothing_usable(
    lab: Lab, server: SimulatedRSpace, source: Source, outcome: Outcome, word: str
) -> None:
    server.faults.add(Fault("job", JobEnds(outcome)))
    lab.write({"lab": source(server)})

    _assert_failed(lab, lab.run("sync"), 1, "work of alice", word)


@pytest.mark.parametrize(
    ("request_kind", "word"),
    [
        ("whoami", "Check that the url of the source is the address of an RSpace server."),
        ("submit", "Exports may be running at the server"),
        ("poll", "The next run continues from here"),
    ],
)
def test_a_web_page_in_place_of_an_answer(
    lab: Lab,
    server: SimulatedRSpace,
    source: Source,
    request_kind: On,
    word: str,
) -> None:
    server.faults.add(Fault(request_kind, html_answer(200), times=None))
    lab.write({"lab": source(server, poll_interval="2ms")})

    _assert_failed(lab, lab.run("sync"), 1, "HTTP 200", "web page", word)


def test_a_redirect_is_not_followed(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    server.faults.add(Fault("any", Redirect("https://login.example.edu/"), times=None))
    lab.write({"lab": source(server)})

    _assert_failed(lab, lab.run("sync"), 1, "redirect to login.example.edu", "not let through")


def test_an_unreachable_server(lab: Lab, source: Source) -> None:
    with SimulatedRSpace() as server:
        pass
    lab.write({"lab": source(server)})

    done = lab.run("sync")

    _assert_failed(lab, done, 1, server.url, "can't be reached", "refused", "url of the source")


def test_an_unknown_host(lab: Lab, source: Source) -> None:
    lab.write({"lab": source("https://rspace.invalid")})

    _assert_failed(lab, lab.run("sync"), 1, "https://rspace.invalid can't be reached")


def test_a_certificate_of_an_unknown_authority(
    lab: Lab, serve: Serve, source: Source, server_tls: ssl.SSLContext
) -> None:
    server = serve(Options(tls=server_tls))
    lab.write({"lab": source(server)})

    done = lab.run("sync")

    _assert_failed(lab, done, 1, server.url, "certificate", "not accepted", "ca_file")
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("SSL_CERT_FILE", "/etc/passwd"),
        ("HTTPS_PROXY", "http://user:Canary5/x@proxy.example.edu:3128"),
        ("HTTP_PROXY", "gopher://user:Canary5@proxy.example.edu"),
    ],
)
def test_variable_that_makes_no_sense_is_named(
    lab: Lab, source: Source, name: str, value: str
) -> None:
    lab.write({"lab": source("https://rspace.invalid")})

    done = lab.run("sync", **{name: value})

    assert (done.code, done.out) == (2, "")
    assert f"environment variable {name}" in done.err.replace("\n", " ")
    assert "Canary5" not in done.err
    assert not (lab.state / "ledger.db").exists()


def test_proxy_that_is_dead_is_blamed_and_not_the_notebook(lab: Lab, source: Source) -> None:
    lab.write({"lab": source("https://rspace.invalid")})

    done = lab.run("sync", HTTPS_PROXY="http://user:Canary5@127.0.0.1:1")

    proxy = "The proxy http://127.0.0.1:1 (environment variable HTTPS_PROXY) can't be reached"
    _assert_failed(lab, done, 1, proxy)
    assert "url of the source" not in done.err
    assert "Canary5" not in done.err


def test_the_authority_of_an_institution_can_be_named(
    lab: Lab, serve: Serve, source: Source, server_tls: ssl.SSLContext, authority: trustme.CA
) -> None:
    server = serve(Options(tls=server_tls))
    authority.cert_pem.write_to_path(lab.folder / "ca.pem")
    lab.write({"lab": source(server, ca_file="ca.pem")})

    assert lab.run("sync").code == 0
    assert len(lab.archives()) == 1


def test_a_server_that_comes_back_is_waited_for(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    server.faults.add(Fault("poll", html_answer(502), times=3))
    lab.write({"lab": source(server)})

    done = lab.run("sync")

    assert (done.code, done.err) == (0, "")
    assert len(lab.archives()) == 1
