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

from labferry.sdk import InvalidAnswerError, LabferryError, RefusedError

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
