"""The command as its users have it: from an eLabFTW server to verified copies, and back."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.lab import CANARIES, LabInProcess, environment
from tests.servers.elabftw import (
    Act,
    Answer,
    BitFlip,
    Fault,
    Reset,
    SimulatedElabftw,
    Truncate,
    html_answer,
)
from tests.speed import first_quick


@pytest.fixture
def lab(tmp_path: Path, bytecode: Path) -> Iterator[LabInProcess]:
    """A laboratory; in the end no secret stands in any file but the configuration."""
    folder = tmp_path / "lab"
    folder.mkdir()
    lab = LabInProcess(folder, environment(tmp_path / "home", bytecode))
    yield lab
    for canary in CANARIES:
        assert lab.holds(canary) == []


def configure(lab: LabInProcess, server: SimulatedElabftw, **more: Any) -> None:  # noqa: ANN401 - any setting
    keys = {} if "api_keys" in more else {"api_key": {"env": "ELAB_ALICE_KEY"}}
    times = {"poll_interval": "20ms", "read_timeout": "5s"}
    source = {"type": "elabftw", "url": server.url, **times, **keys, **more}
    lab.write({"elab": source}, ("nas", "offsite"))


def test_sync_verify_drill_and_restore(lab: LabInProcess, server: SimulatedElabftw) -> None:
    configure(lab, server)
    checked = lab.run("check")
    assert checked.code == 0, checked.text
    done = lab.run("sync")
    assert done.code == 0, done.text
    (archive,) = lab.archives("nas")
    assert archive.suffix == ".eln"
    manifest = json.loads(archive.with_name(f"{archive.name}.manifest.json").read_bytes())
    assert manifest["source"]["type"] == "elabftw"
    assert manifest["source"]["series"] == "user-1"
    assert manifest["download_check"] == "declared-digest"
    assert lab.archives("offsite")[0].read_bytes() == archive.read_bytes()
    # The server keeps six; what is stored is deleted there.
    assert server.exports == []

    assert lab.run("verify", "--contents").code == 0
    drill = lab.run("drill", "--json")
    assert drill.code == 0, drill.text
    assert {trial["files"] for trial in drill.document["trials"]} == {5}
    back = lab.folder / "back"
    back.mkdir()
    restored = lab.run("restore", "latest", "--source", "elab", "--to", str(back), "--extract")
    assert restored.code == 0, restored.text
    assert {path.name for path in back.rglob("ro-crate-*")} == {
        "ro-crate-metadata.json",
        "ro-crate-preview.html",
    }
    assert lab.run("status", "--max-age", "1h").code == 0


@pytest.mark.parametrize(
    ("form", "entries"), [("zip", 4), ("pdf", 1), ("json", 1)], ids=["zip", "pdf", "json"]
)
def test_every_format_is_stored(
    lab: LabInProcess, server: SimulatedElabftw, form: str, entries: int
) -> None:
    configure(lab, server, format=form)
    assert lab.run("sync").code == 0
    (archive,) = lab.archives("nas")
    assert archive.suffix == f".{form}"
    assert lab.run("verify", "--contents").code == 0


def test_each_user_is_a_series(lab: LabInProcess, server: SimulatedElabftw) -> None:
    keys = [{"env": "ELAB_ALICE_KEY"}, {"env": "ELAB_BOB_KEY"}]
    configure(lab, server, api_keys=keys)
    assert lab.run("sync").code == 0
    assert len(lab.archives("nas")) == 2
    assert {request.user for request in server.requests if request.kind == "submit"} == {1, 2}


def test_a_key_that_stopped_working_is_no_success(
    lab: LabInProcess, server: SimulatedElabftw
) -> None:
    keys = [{"env": "ELAB_ALICE_KEY"}, {"env": "WRONG_KEY"}]
    configure(lab, server, api_keys=keys)
    done = lab.run("sync")
    assert done.code == 3
    assert "key 2 of 2 from env WRONG_KEY is left out" in done.err
    assert len(lab.archives("nas")) == 1


@pytest.mark.parametrize("act", [Reset(after_effect=True), Answer(504, after_effect=True)])
def test_a_lost_answer_makes_no_second_export(
    lab: LabInProcess, server: SimulatedElabftw, act: Reset | Answer
) -> None:
    server.export_by_hand()
    server.faults.add(Fault("submit", act))
    configure(lab, server)
    done = lab.run("sync")
    assert done.code == 0, done.text
    assert len(lab.archives("nas")) == 1
    # One by hand, which stays; one of labferry, which is gone.
    assert server.begun == 2
    assert [export.id for export in server.exports] == [31]


def test_a_request_that_never_arrived_is_sent_again(
    lab: LabInProcess, server: SimulatedElabftw
) -> None:
    server.faults.add(Fault("submit", Reset()))
    configure(lab, server)
    assert lab.run("sync").code == 0
    assert server.begun == 1


def test_nights_go_on_for_ever_though_six_exports_are_the_most(
    lab: LabInProcess, server: SimulatedElabftw
) -> None:
    configure(lab, server, format="json")
    for _ in range(8):
        assert lab.run("sync").code == 0
    assert (server.begun, server.exports) == (8, [])
    assert len(lab.archives("nas")) == 8


def test_failed_exports_do_not_use_up_the_six(lab: LabInProcess, server: SimulatedElabftw) -> None:
    server.options.outcome = "failed"
    configure(lab, server)
    for _ in range(7):
        done = lab.run("sync")
        assert done.code == 1
        assert "Something went wrong." in done.err
    assert server.exports == []


def test_an_export_that_never_ends_is_given_up_and_deleted(
    lab: LabInProcess, server: SimulatedElabftw
) -> None:
    server.options.outcome = "stuck"
    configure(lab, server, job_timeout="100ms")
    done = lab.run("sync")
    assert done.code == 1
    assert "job_timeout" in done.err
    assert server.exports == []
    server.options.outcome = "ready"
    assert lab.run("sync").code == 0


def test_six_exports_of_a_person_are_named_and_stay(
    lab: LabInProcess, server: SimulatedElabftw
) -> None:
    for _ in range(6):
        server.export_by_hand()
    configure(lab, server)
    done = lab.run("sync")
    assert done.code == 1
    assert "Alice Abel has 6 exports at the eLabFTW server, which keeps at most 6" in done.err
    assert len(server.exports) == 6
    assert lab.files() == []


@pytest.mark.parametrize(
    ("act", "code", "kept"),
    first_quick(
        [(BitFlip(200), 4, 0), (Truncate(200, honest=True), 1, 1), (html_answer(200), 1, 1)]
    ),
)
def test_a_broken_archive_is_never_stored(
    lab: LabInProcess, server: SimulatedElabftw, act: Act, code: int, kept: int
) -> None:
    server.faults.add(Fault("download", act, times=None))
    configure(lab, server)
    done = lab.run("sync")
    assert done.code == code, done.text
    assert lab.files() == lab.files("offsite") == []
    # What may still come is waited for; what never will is deleted at the server.
    assert len(server.exports) == kept
    server.faults.clear()
    assert lab.run("sync").code == 0
    assert server.begun == 2 - kept


def test_a_download_that_broke_once_is_repeated(
    lab: LabInProcess, server: SimulatedElabftw
) -> None:
    server.faults.add(Fault("download", BitFlip(200)))
    configure(lab, server)
    assert lab.run("sync").code == 0
    assert server.begun == 1


def test_a_lost_file_leads_to_one_new_export(lab: LabInProcess, server: SimulatedElabftw) -> None:
    server.options.outcome = "file lost"
    configure(lab, server)
    done = lab.run("sync")
    assert done.code == 1, done.text
    assert lab.files() == []
    assert (server.begun, server.exports) == (2, [])


def test_an_export_without_a_hash_is_refused_unless_allowed(
    lab: LabInProcess, server: SimulatedElabftw
) -> None:
    server.options.outcome = "no hash"
    configure(lab, server)
    assert lab.run("sync").code == 1
    assert lab.files() == []
    configure(lab, server, require_digest=False)
    assert lab.run("sync").code == 0
    assert len(lab.archives("nas")) == 1


def test_an_export_that_lacks_files_is_stored_and_reported_everywhere(
    lab: LabInProcess, server: SimulatedElabftw
) -> None:
    server.world.entry(11).uploads[1].is_readable = False
    configure(lab, server, skip_unchanged=True)
    for _ in range(2):
        done = lab.run("sync")
        assert done.code == 3, done.text
        assert "lacks 1 file ('results.csv')" in done.err
    assert len(lab.archives("nas")) == 2
    verified = lab.run("verify", "--contents")
    assert verified.code == 4
    assert "results.csv" in verified.text
    drill = lab.run("drill")
    assert drill.code == 4
    assert "is what was stored, but is not complete" in drill.text


def test_unchanged_work_is_not_stored_again(lab: LabInProcess, server: SimulatedElabftw) -> None:
    configure(lab, server, skip_unchanged=True)
    assert lab.run("sync").code == 0
    assert lab.run("sync").code == 0
    assert len(lab.archives("nas")) == 1
    assert server.exports == []
    server.world.entry(12).body = "<p>Another text.</p>"
    assert lab.run("sync").code == 0
    assert len(lab.archives("nas")) == 2


def test_a_file_that_rots_in_the_crate_of_a_copy_is_found(
    lab: LabInProcess, server: SimulatedElabftw
) -> None:
    configure(lab, server)
    assert lab.run("sync").code == 0
    (archive,) = lab.archives("nas")
    with zipfile.ZipFile(io.BytesIO(archive.read_bytes())) as packed:
        assert any(name.endswith("ro-crate-metadata.json") for name in packed.namelist())
    data = bytearray(archive.read_bytes())
    data[len(data) // 3] ^= 1
    archive.write_bytes(data)
    assert lab.run("verify", "--contents").code == 4
    assert lab.run("drill").code == 4
