"""`labferry demo`."""

from __future__ import annotations

import signal
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from tests.speed import first_quick

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import WaitFor
    from tests.lab import Lab


def _archives(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.zip"))


def test_it_shows_a_whole_backup_and_how_to_go_on(lab: Lab) -> None:
    done = lab.run("demo")

    folder = lab.folder / "labferry-demo"
    assert done.code == 0
    archives = _archives(folder)
    assert [path.relative_to(folder).parts[0] for path in archives] == ["nas", "offsite"]
    assert archives[0].read_bytes() == archives[1].read_bytes()
    for words in (
        f"Everything is in {folder}:",
        "  labferry.toml: the configuration that was used",
        f"  sha256sum {archives[0]}",
        f"  {sys.executable} -m labferry init ",
        f"  {sys.executable} -m labferry check ",
        f"  {sys.executable} -m labferry sync",
    ):
        assert words in done.out
    assert "asking the server for the export" in done.err
    assert stat.S_IMODE((folder / "api-key").stat().st_mode) == 0o600
    _remove_key(folder)


def test_its_advice_can_be_followed(lab: Lab) -> None:
    done = lab.run("demo", "a folder")

    command = next(line for line in done.out.splitlines() if line.startswith("  sha256sum"))
    digest = lab.run_program("sh", "-c", command).out.split()[0]
    shown = next(line for line in done.out.splitlines() if line.startswith("  cat"))
    assert f'"sha256": "{digest}"' in lab.run_program("sh", "-c", shown).out
    _remove_key(lab.folder / "a folder")


def test_a_second_one_takes_a_new_folder_and_a_folder_in_use_is_refused(lab: Lab) -> None:
    (lab.folder / "labferry-demo").mkdir()
    (lab.folder / "used").mkdir()
    (lab.folder / "used" / "thesis.txt").touch()

    second, refused = lab.run("demo", "--json"), lab.run("demo", "used")

    document = second.document
    assert (second.code, second.err, document["command"]) == (0, "", "demo")
    assert document["folder"] == str(lab.folder / "labferry-demo-2")
    assert [export["outcome"] for export in document["exports"]] == ["stored"]
    assert len(document["exports"][0]["receipts"]) == 2
    assert refused.code == 2
    assert refused.err.startswith("labferry: The folder used is not empty.")
    _remove_key(lab.folder / "labferry-demo-2")


def test_it_can_be_silent(lab: Lab) -> None:
    done = lab.run("demo", "-q", "here")

    assert (done.code, done.out, done.err) == (0, "", "")
    assert len(_archives(lab.folder / "here")) == 2
    _remove_key(lab.folder / "here")


@pytest.mark.parametrize("number", first_quick([signal.SIGINT, signal.SIGTERM]))
def test_the_server_can_be_left_on_until_it_is_stopped(
    lab: Lab, wait_for: WaitFor, number: signal.Signals
) -> None:
    folder = lab.folder / "here"
    process = lab.start("demo", "here", "--keep-running", "--json")
    wait_for(lambda: (folder / "state" / "ledger.db").exists() and len(_archives(folder)) == 2)
    assert process.stderr is not None
    assert "The simulated server runs at http://127.0.0.1:" in process.stderr.readline()

    another = lab.run("sync", "-c", "here/labferry.toml")
    done = lab.end(process, number)

    assert (another.code, another.err) == (0, "")
    assert len(_archives(folder)) == 4
    assert done.code == 0
    assert done.document["command"] == "demo"
    _remove_key(folder)


def _remove_key(folder: Path) -> None:
    """What the demonstration's key file holds is no leak."""
    (folder / "api-key").unlink()
