"""The export API as the contract has it: asking, the queue, watching, fetching, deleting."""

import hashlib
import io
import json
import zipfile

import httpx
import pytest
from tests.servers.elabftw import (
    BOB_KEY,
    READ_ONLY_KEY,
    Fault,
    SimulatedElabftw,
    State,
    Truncate,
    html_answer,
)

from .conftest import Caller


def test_an_export_is_made_and_can_be_fetched(alice: Caller) -> None:
    begun = alice.begin()
    assert (begun.status_code, begun.content) == (201, b"")
    number = int(begun.headers["location"].rpartition("/")[2])
    assert alice.row(number)["state"] in {4, 5, 1}
    row = alice.finished()
    data = alice.get(f"/exports/{row['id']}?format=binary")
    assert "content-length" not in data.headers
    assert len(data.content) == row["filesize"]
    assert hashlib.sha256(data.content).hexdigest() == row["hash"]
    assert alice.http.delete(f"/exports/{row['id']}").status_code == 204
    assert alice.get(f"/exports/{row['id']}").status_code == 404


def test_keys_and_their_rights(alice: Caller, server: SimulatedElabftw) -> None:
    number = alice.finished()["id"]
    for key, status in ((BOB_KEY, 404), ("", 401), ("Basic x", 401)):
        assert (
            alice.http.get(f"/exports/{number}", headers={"Authorization": key}).status_code
            == status
        )
    read_only = {"Authorization": READ_ONLY_KEY}
    assert alice.http.get(f"/exports/{number}", headers=read_only).status_code == 200
    body = {"format": "eln", "experiments": "on"}
    assert alice.http.post("/exports", json=body, headers=read_only).status_code == 400
    assert alice.http.delete(f"/exports/{number}", headers=read_only).status_code == 400
    assert len(server.exports) == 1


@pytest.mark.parametrize(
    ("body", "status", "stored"),
    [
        ({"experiments": True}, 500, False),
        ({"format": "docx"}, 400, False),
        ({"format": "csv"}, 201, True),
        ({"experiments": "yes"}, 201, True),
    ],
)
def test_what_is_asked_for_wrongly(
    alice: Caller, server: SimulatedElabftw, body: dict[str, object], status: int, *, stored: bool
) -> None:
    assert alice.begin(**body).status_code == status
    assert bool(server.exports) is stored
    if stored:
        row = alice.finished(**body)
        assert (row["state"], row["hash"], row["filesize"]) == (6, None, None)
        assert row["error"]


def test_the_type_of_the_body_must_be_exact(alice: Caller) -> None:
    exact = {"Content-Type": "application/json; charset=utf-8"}
    body = json.dumps({"format": "eln", "experiments": "on"})
    assert alice.http.post("/exports", content=body, headers=exact).status_code == 400


def test_six_exports_are_the_most(alice: Caller, server: SimulatedElabftw) -> None:
    server.export_by_hand()
    for _ in range(5):
        assert alice.begin().status_code == 201
    refused = alice.begin()
    assert (refused.status_code, refused.json()["code"]) == (400, 400)
    assert [row["id"] for row in alice.get("/exports").json()] == [36, 35, 34, 33, 32, 31]


def test_a_queue_that_is_down_leaves_a_row(alice: Caller, server: SimulatedElabftw) -> None:
    server.options.socket_down = True
    assert alice.begin().status_code == 500
    assert [export.state for export in server.exports] == [State.PENDING]


@pytest.mark.parametrize(("outcome", "state"), [("stuck", 5), ("waits", 4)])
def test_an_export_that_never_ends(
    alice: Caller, server: SimulatedElabftw, outcome: str, state: int
) -> None:
    server.options.outcome = outcome  # type: ignore[assignment] # from the table above
    server.options.seconds = 0.0
    alice.begin()
    assert alice.row(31)["state"] == state
    assert alice.get("/exports/31?format=binary").status_code == 500


def test_a_lost_file_is_a_picture(alice: Caller, server: SimulatedElabftw) -> None:
    server.options.outcome = "file lost"
    row = alice.finished()
    answer = alice.get(f"/exports/{row['id']}?format=binary")
    assert (row["state"], answer.status_code) == (1, 200)
    assert answer.headers["content-type"] == "image/png"


def test_maintenance(alice: Caller, server: SimulatedElabftw) -> None:
    server.options.maintenance = True
    assert "html" in alice.get("/exports").headers["content-type"]
    assert alice.begin().status_code == 405


def test_odd_paths_answer_the_list(alice: Caller) -> None:
    assert alice.get("/exports/abc").json() == alice.get("/exports/0").json() == []
    assert alice.http.patch("/exports/1", json={}).status_code == 400
    assert alice.http.head("/exports").status_code == 400
    assert alice.http.put("/exports").status_code == 405


def test_unreadable_files_are_described_and_missing(
    alice: Caller, server: SimulatedElabftw
) -> None:
    server.world.entry(11).uploads[0].is_readable = False
    row = alice.finished()
    assert row["state"] == 1
    data = alice.get(f"/exports/{row['id']}?format=binary").content
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(name for name in archive.namelist() if name.endswith("metadata.json"))
        graph = json.loads(archive.read(name))["@graph"]
        files = {node["name"]: node["@id"] for node in graph if node["@type"] == "File"}
        kept = [each for each in archive.namelist() if "ro-crate" not in each]
    assert {name: place.endswith("/") for name, place in files.items()} == {
        "gel photo.png": True,
        "results.csv": True,
        "protocol.txt": False,
    }
    assert len(kept) == 1


@pytest.mark.parametrize(("version", "last"), [(50108, "export"), (50612, "exports")])
def test_older_servers(alice: Caller, server: SimulatedElabftw, version: int, last: str) -> None:
    server.options.version = version
    location = alice.begin().headers["location"]
    assert location.split("/")[-2] == last
    deleted = alice.http.delete("/exports/31")
    assert deleted.status_code == (400 if version < 50200 else 204)
    assert alice.begin(format="docx").json()["message"] == (
        "Error" if version < 50400 else "Incorrect format value."
    )


def test_before_5_1_there_are_no_exports(alice: Caller, server: SimulatedElabftw) -> None:
    server.options.version = 50012
    assert alice.begin().status_code == 400
    assert alice.get("/info").json()["elabftw_version"] == "5.0.12"


@pytest.mark.parametrize("form", ["eln", "zip", "pdf", "json"])
def test_every_format(alice: Caller, form: str) -> None:
    row = alice.finished(format=form, json="on")
    data = alice.get(f"/exports/{row['id']}?format=binary").content
    assert data.startswith({"eln": b"PK", "zip": b"PK", "pdf": b"%PDF", "json": b"["}[form])


def test_faults_happen_to_downloads_without_a_length(
    alice: Caller, server: SimulatedElabftw
) -> None:
    path = f"/exports/{alice.finished()['id']}?format=binary"
    server.faults.add(Fault("download", Truncate(50, honest=True)))
    assert len(alice.get(path).content) == 50
    server.faults.add(Fault("download", Truncate(50)))
    with pytest.raises(httpx.RemoteProtocolError):
        alice.get(path)
    server.faults.add(Fault("download", html_answer(200)))
    assert "html" in alice.get(path).headers["content-type"]
