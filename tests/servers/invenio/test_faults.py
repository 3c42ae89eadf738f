"""Planned faults: whatever happens to a request besides the server's own traps."""

import httpx
import pytest
from tests.servers.invenio import (
    Answer,
    BitFlip,
    Fault,
    Meanwhile,
    Redirect,
    Reset,
    Rewrite,
    Stall,
    Truncate,
    html_answer,
)

from .conftest import Caller


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_answers_html(owner: Caller, status: int) -> None:
    owner.server.faults.add(Fault("mine", html_answer(status)))
    response = owner.get("/user/records")
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert owner.get("/user/records").status_code == 200


def test_a_fault_hits_the_nth_request_and_the_next_ones(owner: Caller) -> None:
    planned = owner.server.faults.add(Fault("mine", html_answer(502), nth=2, times=2))
    statuses = [owner.get("/user/records").status_code for _ in range(4)]
    assert statuses == [200, 502, 502, 200]
    assert (planned.seen, planned.fired) == (4, 2)


def test_an_upload_that_a_proxy_refuses_has_no_effect(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    owner.server.faults.add(Fault("upload", html_answer(502)))
    assert owner.send(draft, "a", b"x" * 3_000_000).status_code == 502
    assert owner.files(draft)["a"]["status"] == "pending"
    assert owner.commit(draft, "a").status_code == 500


def test_connections_are_reset(owner: Caller) -> None:
    owner.server.faults.add(Fault("any", Reset()))
    with pytest.raises(httpx.TransportError):
        owner.get("/user/records")
    assert owner.server.requests[0].status == 0


def test_the_json_of_an_answer_is_rewritten(owner: Caller) -> None:
    def open_up(shown: dict[str, dict[str, str]]) -> None:
        shown["access"]["files"] = "public"

    owner.server.faults.add(Fault("read-draft", Rewrite(open_up)))
    path = f"/records/{owner.draft(access={'record': 'public', 'files': 'restricted'})}/draft"
    assert owner.get(path).json()["access"]["files"] == "public"
    assert owner.get(path).json()["access"]["files"] == "restricted"


@pytest.mark.parametrize("after", [False, True])
def test_a_person_acts_in_the_middle(owner: Caller, *, after: bool) -> None:
    draft = owner.draft()
    act = Meanwhile(owner.server.edit(draft).delete_draft, after=after)
    owner.server.faults.add(Fault("read-draft", act))
    response = owner.get(f"/records/{draft}/draft")
    assert response.status_code == (200 if after else 404)
    assert not owner.server.drafts


def test_downloads_are_damaged_and_cut(owner: Caller) -> None:
    path = f"/records/{owner.published()}/files/data.zip/content"
    owner.server.faults.add(Fault("download", BitFlip(0)))
    assert owner.get(path).content == b"02345"
    owner.server.faults.add(Fault("download", Truncate(2)))
    with pytest.raises(httpx.RemoteProtocolError):
        owner.get(path)


def test_redirects_lead_elsewhere(owner: Caller) -> None:
    owner.server.faults.add(Fault("record", Redirect("https://elsewhere.example/")))
    response = owner.get("/records/1")
    assert response.headers["location"] == "https://elsewhere.example/api/records/1"


def test_a_stalled_server_can_be_stopped(owner: Caller) -> None:
    owner.server.faults.add(Fault("mine", Stall()))
    with pytest.raises(httpx.ReadTimeout):
        owner.get("/user/records", timeout=0.05)


def test_a_fault_of_the_server_itself_is_told(owner: Caller) -> None:
    def fail() -> None:
        raise LookupError("planned")

    owner.server.faults.add(Fault("mine", Meanwhile(fail)))
    assert owner.get("/user/records").status_code == 500
    (error,) = owner.server.errors
    assert str(error) == "planned"
    owner.server.errors.clear()


def test_the_log_has_everything_about_a_request(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a b")
    owner.send(draft, "a%20b", b"12345")
    owner.server.faults.add(Fault("publish", Answer(503)))
    owner.publish(draft)
    kinds = [(request.kind, request.status) for request in owner.server.requests]
    assert kinds == [("create", 201), ("register", 201), ("upload", 200), ("publish", 503)]
    upload = owner.server.requests[2]
    assert (upload.method, upload.body_size, upload.user) == ("PUT", 5, "1")
    assert upload.path == f"/api/records/{draft}/draft/files/a%20b/content"
    assert upload.headers["authorization"] == f"Bearer {owner.server.token}"
