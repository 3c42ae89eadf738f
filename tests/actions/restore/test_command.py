"""`labferry restore` as it is typed, on a machine that has nothing but the destinations."""

import json
from collections.abc import Callable

import pytest

from .conftest import RestoreLab


def test_nothing_is_needed_but_the_destination(lab: RestoreLab) -> None:
    put = lab.store("nas")
    done = lab.run("restore", "latest", "--to", "back.zip")
    assert done.code == 0, done.err
    assert f"{put.id} (" in done.out
    assert f"restored from nas: {lab.folder}/back.zip" in done.out
    assert (lab.folder / "back.zip").read_bytes() == put.content
    assert not (lab.folder / "home").exists(), "there is no state"


def test_the_document_tells_what_was_restored(lab: RestoreLab) -> None:
    put = lab.store("nas")
    done = lab.run("restore", put.id, "--to", "new", "--extract", "--json")
    restored = done.document["restored"]
    assert restored["archive_id"] == put.id
    assert restored["destination"] == "nas"
    assert restored["path"] == str(lab.folder / "new")
    assert restored["files"] == 2
    assert restored["sha256"] == put.sha256
    assert done.document["problems"] == []


def test_the_document_tells_of_copies_that_were_bad(lab: RestoreLab) -> None:
    lab.configure("nas", "offsite")
    lab.store("nas").damage()
    put = lab.store("offsite")
    done = lab.run("restore", put.id, "--to", ".", "--json")
    assert done.code == 0
    assert "damaged" in done.document["problems"][0]["message"]
    assert "nas: chem/2026/" in done.err


def test_a_bad_copy_is_exit_code_4(lab: RestoreLab) -> None:
    put = lab.store("nas")
    put.damage()
    done = lab.run("restore", put.id, "--to", "back.zip")
    assert done.code == 4
    assert "damaged" in done.err
    assert not (lab.folder / "back.zip").exists()


def test_a_date_picks_the_last_one_before_it(lab: RestoreLab) -> None:
    put = lab.store("nas")
    lab.store("nas", day=90)
    arguments = ("restore", "latest", "--source", "chem", "--before", "2026-03-01", "--to", ".")
    assert put.id in lab.run(*arguments).out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("latest",), "--to"),
        (("latest", "--to", "a", "--extract", "--force"), "--force is for files"),
        (("2026", "--to", "a", "--before", "2026-03-01"), "--before is for latest"),
        (("latest", "--to", "a", "--before", "soon"), "is neither a date"),
        (("latest", "--to", "gone/"), "There is no folder gone/"),
        (("latest", "--to", "gone/a"), "There is no folder"),
        (("latest", "--to", "a", "--from", "nass"), 'Did you mean "nas"? Known destinations: nas.'),
        (("latest", "--to", "a", "--source", "chemlab"), 'Did you mean "chem"? Known sources: ch'),
    ],
)
def test_what_is_not_clear_is_refused(
    lab: RestoreLab, arguments: tuple[str, ...], told: str
) -> None:
    lab.store("nas")
    done = lab.run("restore", *arguments)
    assert done.code == 2
    assert told in done.err


def test_what_is_not_there_is_told(lab: RestoreLab) -> None:
    done = lab.run("restore", "20260101", "--to", ".", "--json")
    assert done.code == 1
    assert "labferry list" in json.loads(done.out)["problems"][0]["hint"]


def test_sync_says_that_there_is_nothing_to_export(lab: RestoreLab) -> None:
    for arguments in (("sync",), ("sync", "--dry-run"), ("sync", "chem")):
        done = lab.run(*arguments)
        assert done.code == 2
        assert "nothing to export" in done.err
        assert str(lab.config) in done.err


def test_check_is_fine_without_sources(lab: RestoreLab) -> None:
    lab.configure("nas", more="\n[syncs]\n")
    text = lab.config.read_text(encoding="utf-8")
    lab.config.write_text(f'state_dir = "state"\n{text}', encoding="utf-8")
    assert lab.run("check").code == 0


def test_a_sync_of_a_source_that_is_not_there_is_a_mistake(lab: RestoreLab) -> None:
    lab.configure("nas", more='[syncs.all]\nsources = ["chem"]\ndestinations = ["nas"]\n')
    done = lab.run("list")
    assert done.code == 2
    assert "syncs.all.sources[0]" in done.err


def test_the_key_of_a_notebook_is_not_needed(lab: RestoreLab) -> None:
    source = '[sources.chem]\ntype = "rspace"\nurl = "https://rspace.example.edu"\n'
    lab.configure("nas", more=f'{source}api_key = {{ env = "NOT_SET" }}\n')
    put = lab.store("nas")
    assert put.id in lab.run("list").out
    assert lab.run("restore", put.id, "--to", ".").code == 0


def test_what_was_renamed_is_listed(lab: RestoreLab, zip_of: Callable[..., bytes]) -> None:
    files = {"work/aux.txt": b"1", "work/Data.csv": b"2", "work/data.csv": b"3", "work/a\\b": b"4"}
    put = lab.store("nas", content=zip_of(files))
    done = lab.run("restore", put.id, "--to", "new", "--extract")
    assert done.code == 0, done.err
    assert "4 files in" in done.out
    assert "3 could not keep their names:" in done.out
    assert r"  'work/a\b' is now 'work/a_b'" in done.out.splitlines()
    again = lab.run("restore", put.id, "--to", "again", "--extract", "--json")
    assert again.document["restored"]["renamed"] == [
        {"name": "work/aux.txt", "path": "work/aux_.txt"},
        {"name": "work/data.csv", "path": "work/data~2.csv"},
        {"name": "work/a\\b", "path": "work/a_b"},
    ]
    assert (lab.folder / "new/work/data~2.csv").read_bytes() == b"3"
