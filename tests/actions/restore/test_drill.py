"""`labferry drill`: the report that an auditor asks for."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from labferry.actions.drill import Drill, drill
from labferry.runtime.stop import Stop
from labferry.sdk import StoppedError

from .conftest import RestoreLab


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where drills restore to."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def _drill(lab: RestoreLab, scratch: Path) -> Drill:
    held = drill(lab.session, Stop())
    assert list(scratch.iterdir()) == []
    return held


def test_the_newest_of_each_source_is_restored_from_each_destination(
    lab: RestoreLab, scratch: Path
) -> None:
    lab.configure("nas", "offsite")
    lab.store("nas", day=0)
    new = lab.store("nas", day=1)
    bio = lab.store("nas", "bio")
    lab.store("offsite", day=1)
    held = _drill(lab, scratch)
    assert held.is_good
    assert [(t.destination, t.source, t.archive_id) for t in held.trials] == [
        ("nas", "bio", bio.id),
        ("nas", "chem", new.id),
        ("offsite", "chem", new.id),
    ]
    for trial in held.trials:
        assert trial.files == 2
        assert trial.size == len(new.content)
        assert trial.recovery_point_seconds is not None
        assert trial.recovery_point_seconds > 0
        assert trial.recovery_time_seconds is not None
        assert trial.bytes_per_second is not None


def test_a_damaged_copy_makes_the_drill_fail(lab: RestoreLab, scratch: Path) -> None:
    lab.configure("nas", "offsite")
    lab.store("nas").damage()
    lab.store("offsite")
    held = _drill(lab, scratch)
    assert not held.is_good
    assert [trial.exit_code for trial in held.trials] == [4, 0]
    assert "damaged" in held.trials[0].problem


def test_an_archive_that_is_right_but_can_not_be_opened_is_no_backup(
    lab: RestoreLab, scratch: Path
) -> None:
    lab.store("nas", content=b"This is no zip file.")
    (trial,) = _drill(lab, scratch).trials
    assert trial.exit_code == 4
    assert "zip" in trial.problem


def test_a_source_that_is_not_stored_where_it_should_be_is_told(
    lab: RestoreLab, scratch: Path
) -> None:
    source = '[sources.chem]\ntype = "rspace"\nurl = "https://rspace.example.edu"\n'
    lab.configure("nas", "offsite", more=f'{source}api_key = {{ env = "NOT_SET" }}\n')
    lab.store("nas")
    held = _drill(lab, scratch)
    assert [trial.exit_code for trial in held.trials] == [0, 1]
    assert "Nothing is stored here" in held.trials[1].problem


def test_an_empty_destination_is_told(lab: RestoreLab, scratch: Path) -> None:
    (trial,) = _drill(lab, scratch).trials
    assert "Nothing is stored here" in trial.problem


def test_a_signal_ends_it_and_nothing_is_left(lab: RestoreLab, scratch: Path) -> None:
    lab.store("nas")
    stop = Stop()
    stop.request(15)
    with pytest.raises(StoppedError):
        drill(lab.session, stop)
    assert list(scratch.iterdir()) == []


def test_where_there_is_no_space_it_says_how_to_get_some(
    lab: RestoreLab, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.store("nas")

    class Usage:
        free = 10

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    (trial,) = _drill(lab, scratch).trials
    assert "TMPDIR" in trial.problem
    assert trial.exit_code == 1


def test_the_report_is_written_for_people_and_for_machines(lab: RestoreLab) -> None:
    put = lab.store("nas")
    done = lab.run("drill", "--to-report", "report.md")
    assert (done.code, done.out) == (0, "")
    text = (lab.folder / "report.md").read_text(encoding="utf-8")
    assert "**Everything that was tried could be restored.**" in text
    assert f"| nas | chem | {put.id} |" in text
    assert "| good |" in text
    document = json.loads((lab.folder / "report.json").read_text(encoding="utf-8"))
    assert document["labferry_drill"] == 1
    assert document["is_good"] is True
    assert document["config"] == str(lab.config)
    assert document["trials"][0]["archive_id"] == put.id


def test_the_report_of_a_bad_drill_says_what_failed(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    lab.store("nas").damage()
    lab.store("offsite")
    done = lab.run("drill")
    assert done.code == 4
    assert "1 of 2 could NOT be restored" in done.out
    assert "## What failed" in done.out
    assert "damaged" in done.err


@pytest.mark.parametrize("name", ["report.md", "report.json"])
def test_a_report_is_never_overwritten(lab: RestoreLab, name: str) -> None:
    lab.store("nas")
    (lab.folder / name).write_text("mine")
    done = lab.run("drill", "--to-report", "report.md")
    assert done.code == 1
    assert "neither this file nor the one" in done.err
    assert lab.files(lab.folder / "nas")
    assert (lab.folder / name).read_text() == "mine"


def test_a_folder_that_is_not_there_is_told_before_the_drill(lab: RestoreLab) -> None:
    done = lab.run("drill", "--to-report", "gone/report.md")
    assert done.code == 1
    assert "not there" in done.err


def test_the_document_is_the_report(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    lab.store("nas", content=os.urandom(9))
    (lab.folder / "offsite").rmdir()
    done = lab.run("drill", "--json")
    assert done.document["is_good"] is False
    assert len(done.document["trials"]) == 2
    assert len(done.document["problems"]) == 2


def test_some_that_can_not_be_reached_are_a_part(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    lab.store("nas")
    (lab.folder / "offsite").rmdir()
    assert lab.run("drill").code == 3
