"""Uploads that break off, that hit a committed file, and that arrive damaged."""

import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from tests.servers.invenio import CutUpload, Fault, FlipUpload, ShortUpload

from .conftest import Caller, Open


def test_trap_1_an_interrupted_upload_answers_200_with_errors_and_the_file_is_gone(
    owner: Caller,
) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    owner.server.faults.add(Fault("upload", CutUpload(3, answered=True)))
    response = owner.send(draft, "a", b"12345")
    assert response.status_code == 200
    assert response.json()["errors"]
    assert owner.files(draft) == {}
    assert owner.commit(draft, "a").status_code == 404


def test_older_servers_answer_400(open_server: Open) -> None:
    owner = open_server(interrupted_put=400)
    draft = owner.draft()
    owner.register(draft, "a")
    owner.server.faults.add(Fault("upload", CutUpload(3, answered=True)))
    assert owner.send(draft, "a", b"12345").status_code == 400
    assert owner.files(draft) == {}


@pytest.mark.parametrize("entry", ["removed", "pending"])
def test_trap_4_after_an_aborted_upload_the_entry_is_missing_or_pending(
    open_server: Open, entry: str
) -> None:
    owner = open_server(interrupted_entry=entry)
    draft = owner.draft()
    owner.register(draft, "a")
    owner.server.faults.add(Fault("upload", CutUpload(3)))
    with pytest.raises(httpx.TransportError):
        owner.send(draft, "a", b"1" * 10_000_000)
    found = {key: file["status"] for key, file in owner.files(draft).items()}
    assert found == ({} if entry == "removed" else {"a": "pending"})


def test_trap_4_a_client_that_leaves_interrupts_its_upload(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    head = (
        f"PUT /api/records/{draft}/draft/files/a/content HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {owner.server.token}\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 5\r\n\r\n"
    )
    port = urlsplit(owner.server.url).port
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head.encode() + b"123")
    deadline = time.monotonic() + 5
    while owner.files(draft) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert owner.files(draft) == {}


def test_trap_3_an_upload_to_a_committed_file_looks_well_and_deletes_it(owner: Caller) -> None:
    draft = owner.draft()
    owner.store(draft, "a", b"12345")
    before = owner.files(draft)["a"]
    response = owner.send(draft, "a", b"67890")
    assert response.status_code == 200
    assert (response.json()["status"], response.json()["checksum"]) == (
        *("completed", before["checksum"]),
    )
    assert response.json()["errors"]
    assert owner.files(draft) == {}


def test_a_flipped_bit_shows_in_the_checksum_only(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    owner.server.faults.add(Fault("upload", FlipUpload(4)))
    assert owner.send(draft, "a", b"12345").status_code == 200
    assert owner.commit(draft, "a").json()["size"] == 5
    assert owner.server.drafts[draft].files["a"].content == b"12344"


def test_bytes_that_never_reach_the_disk_show_in_the_size(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    owner.server.faults.add(Fault("upload", ShortUpload(2)))
    assert owner.send(draft, "a", b"12345").status_code == 200
    assert owner.commit(draft, "a").json()["size"] == 2


def test_json_that_breaks_off_is_refused(owner: Caller) -> None:
    owner.server.faults.add(Fault("create", CutUpload(3, answered=True)))
    assert owner.post("/records", json={"metadata": {}}).status_code == 400
    assert not owner.server.drafts
