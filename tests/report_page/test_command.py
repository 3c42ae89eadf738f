"""`labferry report`, as it is called."""

import json
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.needs import give

from labferry.cli.main import main

from .conftest import Fill, Page

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(site: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["report", "-c", str(site / "labferry.toml"), *arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_a_new_file_is_private_and_nothing_is_said(run: Run, site: Path, fill: Fill) -> None:
    fill(3)
    file = site / "report.html"

    assert run("--html", str(file)) == (0, "", "")
    Page(file.read_text(encoding="utf-8"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in site.glob(".*")] == []


def test_a_file_that_is_there_keeps_its_permissions_and_its_link(run: Run, site: Path) -> None:
    target, link = site / "target.html", site / "link.html"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o644)
    link.symlink_to(target)

    assert run("--html", str(link))[0] == 0
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_nothing_that_another_user_planted_is_followed_or_kept(run: Run, site: Path) -> None:
    target, link, planted = site / "target.html", site / "link.html", site / "planted.html"
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    planted.touch()
    planted.chmod(0o666)
    for path in (link, planted):
        give(path, user=12345)

    code, _, err = run("--html", str(link))
    assert (code, target.read_text(encoding="utf-8")) == (1, "old")
    assert f"{link} is a link that user 12345 made. labferry did not follow it." in err
    assert run("--html", str(planted))[0] == 0
    assert (stat.S_IMODE(planted.stat().st_mode), planted.stat().st_uid) == (0o600, os.geteuid())


@pytest.mark.timeout(60)
def test_a_pipe_that_nobody_reads_is_not_waited_for(run: Run, site: Path) -> None:
    os.mkfifo(site / "pipe")
    code, _, err = run("--html", str(site / "pipe"))
    assert code == 1
    assert f"The report {site / 'pipe'} can't be used: No such device or address." in err


def test_json_has_the_figures(run: Run, site: Path, fill: Fill) -> None:
    fill(100)
    code, out, err = run("--html", str(site / "report.html"), "--json")

    document = json.loads(out)
    assert (code, err) == (0, "")
    assert (document["command"], document["exit_code"]) == ("report", 0)
    assert document["file"] == str(site / "report.html")
    assert document["runs"] == {"complete": 79, "partial": 7, "unfinished": 3, "failed": 11}
    assert document["copies"] == 342
    assert sum(document["standings"].values()) == 4
    assert document["failures"] == 4


@pytest.mark.parametrize(
    ("file", "word"),
    [("no/such/report.html", "Make its folder"), ("labferry.toml/x.html", "Make its folder")],
)
def test_a_file_that_cannot_be_written_is_named(run: Run, site: Path, file: str, word: str) -> None:
    code, out, err = run("--html", str(site / file))

    assert (code, out) == (1, "")
    assert f"The report {site / file} is not there" in err
    assert word in err


def test_where_no_file_is_named(run: Run) -> None:
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "Missing option '--html'" in err


def test_a_pipe_is_written_into_and_not_replaced(run: Run) -> None:
    assert run("--html", "/dev/null") == (0, "", "")
    assert Path("/dev/null").is_char_device()


def test_a_ledger_that_makes_no_sense_is_named(run: Run, site: Path, fill: Fill) -> None:
    fill(3)
    with closing(sqlite3.connect(site / "state" / "ledger.db")) as connection, connection:
        connection.execute("UPDATE runs SET started_at = 'x' WHERE id = 1")

    code, out, err = run("--html", str(site / "report.html"))

    assert (code, out) == (1, "")
    assert "is damaged" in err
    assert not (site / "report.html").exists()
