"""The token goes to the configured server only; no cookies, no link and no redirect is followed."""

import logging

import pytest
from tests.servers.invenio import (
    Answer,
    Fault,
    InvenioOptions,
    On,
    Redirect,
    Rewrite,
    SimulatedInvenio,
)

from labferry.sdk import FullError, InvalidAnswerError, LabferryError, RefusedError

from .conftest import StartServer
from .storing import Storing, sample


@pytest.fixture
def elsewhere(start_server: StartServer) -> SimulatedInvenio:
    """Another server, which must hear nothing."""
    return start_server()


def test_trap_7_links_to_another_host_are_not_followed(
    start_server: StartServer, elsewhere: SimulatedInvenio
) -> None:
    server = start_server(InvenioOptions(links_url=elsewhere.url))
    series = Storing(server, publish=True, series=True)
    for job in ("1", "2"):
        receipt = series.store(sample(job))
        assert receipt.url is not None
        assert receipt.url.startswith(server.url)
    for stored in series.listed():
        assert len(series.fetch(stored)) == stored.size
    assert elsewhere.requests == []


REQUESTS: tuple[On, ...] = (
    "mine",
    "create",
    "list-draft-files",
    "register",
    "upload",
    "commit",
    "draft-file",
)


@pytest.mark.parametrize("kind", REQUESTS)
def test_trap_7_redirects_to_another_host_are_not_followed(
    storing: Storing, elsewhere: SimulatedInvenio, kind: On
) -> None:
    storing.server.faults.add(Fault(kind, Redirect(f"{elsewhere.url}/", 307)))
    with pytest.raises(InvalidAnswerError, match="redirect"):
        storing.store()
    assert elsewhere.requests == []


def test_trap_7_download_that_is_redirected_is_not_followed(
    storing: Storing, elsewhere: SimulatedInvenio
) -> None:
    storing.store()
    (stored,) = storing.listed()
    storing.server.faults.add(Fault("download-draft-file", Redirect(f"{elsewhere.url}/")))
    with pytest.raises(InvalidAnswerError, match="redirect"):
        storing.fetch(stored)
    assert elsewhere.requests == []


def test_ids_from_answers_stay_one_part_of_the_path(storing: Storing) -> None:
    hostile = Rewrite(lambda document: document.update(id="../../user/records?q=#"))
    storing.server.faults.add(Fault("create", hostile))
    with pytest.raises(LabferryError):
        storing.store()
    assert storing.server.requests[-1].path.startswith("/api/records/..%2F..%2Fuser%2Frecords%3Fq")


def test_cookies_are_not_kept(storing: Storing) -> None:
    storing.store()
    assert not any("cookie" in each.headers for each in storing.server.requests)


def test_token_stands_in_one_header_only(storing: Storing) -> None:
    storing.store()
    for each in storing.server.requests:
        assert each.headers["authorization"] == f"Bearer {storing.server.token}"
        others = {name: text for name, text in each.headers.items() if name != "authorization"}
        assert storing.server.token not in f"{each.path} {each.query} {others}"


def test_requests_say_who_asks(storing: Storing) -> None:
    storing.store()
    assert all(
        each.headers["user-agent"].startswith("labferry") for each in storing.server.requests
    )


def test_wrong_token_makes_nobody_of_us_and_is_refused(storing: Storing) -> None:
    storing.changes["token"] = "not-the-right-one"
    with pytest.raises(RefusedError, match="token"):
        storing.store()
    with pytest.raises(RefusedError):
        storing.listed()


def test_token_of_another_account_finds_nothing(storing: Storing) -> None:
    storing.store()
    storing.changes["token"] = storing.server.add_user()
    assert storing.listed() == []


def test_token_is_in_no_log_and_no_error(
    storing: Storing, caplog: pytest.LogCaptureFixture
) -> None:
    token = storing.server.token
    caplog.set_level(logging.DEBUG)
    echo = Answer(400, f'{{"message": "Bearer {token} is bad"}}'.encode(), "application/json")
    storing.server.faults.add(Fault("register", echo))
    with pytest.raises(LabferryError) as caught:
        storing.store()
    assert token not in str(caught.value)
    storing.store()
    assert token not in caplog.text


@pytest.mark.parametrize("token", ["two\nlines", "ümlaut", "a b"])
def test_token_that_is_none_is_refused_without_being_shown(storing: Storing, token: str) -> None:
    storing.changes["token"] = token
    with pytest.raises(RefusedError) as caught:
        storing.store()
    assert token not in str(caught.value)
    assert storing.server.requests == []


def test_page_of_a_firewall_does_not_ask_for_a_new_token(storing: Storing) -> None:
    storing.server.faults.add(Fault("mine", Answer(403, b"<html>Blocked</html>", "text/html")))
    with pytest.raises(RefusedError, match="web page") as caught:
        storing.store()
    assert "new token" not in caught.value.hint
    assert "firewall" in caught.value.hint


def test_limit_of_the_web_server_in_front_is_said(storing: Storing) -> None:
    page = b"<html><center><h1>413 Request Entity Too Large</h1></center></html>"
    storing.server.faults.add(Fault("upload", Answer(413, page, "text/html")))
    with pytest.raises(FullError, match="as large as that") as caught:
        storing.store()
    assert "client_max_body_size" in caught.value.hint


@pytest.mark.parametrize("kind", ["mine", "draft-file", "commit"])
def test_answer_in_an_encoding_is_not_unpacked(storing: Storing, kind: On) -> None:
    headers = (("Content-Encoding", "gzip, gzip"),)
    storing.server.faults.add(Fault(kind, Answer(200, b"x", headers=headers)))
    with pytest.raises(LabferryError, match="encoding that was not asked for"):
        storing.store()
    storing.store()
    storing.assert_whole(sample())
