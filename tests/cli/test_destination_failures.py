"""Folders that can't take an archive: missing, full, or read-only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tests.needs import in_own_mounts

from labferry.testing.rspace import SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Source
    from tests.lab import Done, Lab

FULL = "mount -t tmpfs -o size=4k none nas && head -c 4096 /dev/zero >nas/others"
READ_ONLY = "mount --bind nas nas && mount -o remount,bind,ro nas"


def _run_with(lab: Lab, mount: str, *arguments: str) -> Done:
    """Run labferry with something mounted at `nas`, and note what is left there in `left`."""
    script = (
        f'{mount} || exit 99\n"$@"\ncode=$?\nfind nas -type f ! -name others >left\nexit $code\n'
    )
    command = [*in_own_mounts(script), sys.executable, "-m", "labferry", *arguments]
    return lab.run_program(*command)


@pytest.mark.parametrize(
    ("mount", "code", "words"),
    [
        (FULL, 1, ["its disk is full", "Free some space"]),
        (READ_ONLY, 5, ["Read-only file system", "Mount it for writing"]),
    ],
    ids=["full", "read-only"],
)
def test_a_disk_that_takes_nothing(
    lab: Lab,
    server: SimulatedRSpace,
    source: Source,
    mount: str,
    code: int,
    words: list[str],
) -> None:
    lab.write({"lab": source(server, poll_interval="2ms")})

    done = _run_with(lab, mount, "sync")

    assert done.code == code
    head, problem, _ = done.messages
    assert f"exit code {code} (" in head
    assert problem.startswith("labferry: lab: work of alice: nas: ")
    for word in [str(lab.destination()), *words]:
        assert word in problem
    assert (lab.folder / "left").read_text() == ""

    assert lab.run("sync").code == 0
    assert len(lab.archives()) == 2
    assert len(server.exports) == 2


@pytest.mark.parametrize(("mount", "code"), [(FULL, 1), (READ_ONLY, 5)], ids=["full", "read-only"])
def test_check_tries_the_disk(
    lab: Lab, server: SimulatedRSpace, source: Source, mount: str, code: int
) -> None:
    lab.write({"lab": source(server)})

    done = _run_with(lab, mount, "check")

    assert done.code == code
    (line,) = done.messages
    assert line.startswith("ERROR    destination nas: ")
    assert (lab.folder / "left").read_text() == ""


def test_a_folder_that_is_not_there_is_not_made(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)}, {"nas": {}})

    done = lab.run("sync")

    assert done.code == 1
    _, problem, _ = done.messages
    assert f"nas: There is no folder {lab.destination()}. Is its disk mounted?" in problem
    assert not lab.destination().exists()


def test_a_file_in_place_of_the_folder(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.destination().touch()
    lab.write({"lab": source(server)}, {"nas": {}})

    done = lab.run("sync")

    assert done.code == 1
    assert str(lab.destination()) in done.messages[1]


def test_a_state_folder_that_can_not_be_used(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    (lab.folder / "taken").touch()
    lab.write({"lab": source(server)}, state_dir="taken/state")

    done = lab.run("sync")

    assert done.code == 1
    assert done.err.startswith(f"labferry: The state folder {lab.folder}/taken/state")
    assert "Set state_dir" in done.err
    assert server.exports == []
