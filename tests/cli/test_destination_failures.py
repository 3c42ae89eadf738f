"""Folders that can't take an archive: missing, full, or read-only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tests.needs import in_own_mounts

from labferry.testing.rspace import SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Done, Site, Source

FULL = "mount -t tmpfs -o size=4k none nas && head -c 4096 /dev/zero >nas/others"
READ_ONLY = "mount --bind nas nas && mount -o remount,bind,ro nas"


def _run_with(site: Site, mount: str, *arguments: str) -> Done:
    """Run labferry with something mounted at `nas`, and note what is left there in `left`."""
    script = (
        f'{mount} || exit 99\n"$@"\ncode=$?\nfind nas -type f ! -name others >left\nexit $code\n'
    )
    command = [*in_own_mounts(script), sys.executable, "-m", "labferry", *arguments]
    return site.run_program(*command)


@pytest.mark.parametrize(
    ("mount", "code", "words"),
    [
        (FULL, 1, ["No space left", "Free some space"]),
        (READ_ONLY, 5, ["Read-only file system", "write access"]),
    ],
    ids=["full", "read-only"],
)
def test_a_disk_that_takes_nothing(
    site: Site,
    server: SimulatedRSpace,
    source: Source,
    mount: str,
    code: int,
    words: list[str],
) -> None:
    site.write({"lab": source(server, poll_interval="2ms")})

    done = _run_with(site, mount, "sync")

    assert done.code == code
    head, problem, _ = done.messages
    assert f"exit code {code} (" in head
    assert problem.startswith("labferry: lab: work of alice: nas: ")
    for word in [str(site.destination()), *words]:
        assert word in problem
    assert (site.folder / "left").read_text() == ""

    assert site.run("sync").code == 0
    assert len(site.archives()) == 2
    assert len(server.exports) == 2


@pytest.mark.parametrize(("mount", "code"), [(FULL, 1), (READ_ONLY, 5)], ids=["full", "read-only"])
def test_check_tries_the_disk(
    site: Site, server: SimulatedRSpace, source: Source, mount: str, code: int
) -> None:
    site.write({"lab": source(server)})

    done = _run_with(site, mount, "check")

    assert done.code == code
    (line,) = done.messages
    assert line.startswith("ERROR    destination nas: ")
    assert (site.folder / "left").read_text() == ""


def test_a_folder_that_is_not_there_is_not_made(
    site: Site, server: SimulatedRSpace, source: Source
) -> None:
    site.write({"lab": source(server)}, {"nas": {}})

    done = site.run("sync")

    assert done.code == 1
    _, problem, _ = done.messages
    assert f"nas: There is no folder {site.destination()}. Is its disk mounted?" in problem
    assert not site.destination().exists()


def test_a_file_in_place_of_the_folder(site: Site, server: SimulatedRSpace, source: Source) -> None:
    site.destination().touch()
    site.write({"lab": source(server)}, {"nas": {}})

    done = site.run("sync")

    assert done.code == 1
    assert str(site.destination()) in done.messages[1]


def test_a_state_folder_that_can_not_be_used(
    site: Site, server: SimulatedRSpace, source: Source
) -> None:
    (site.folder / "taken").touch()
    site.write({"lab": source(server)}, state_dir="taken/state")

    done = site.run("sync")

    assert done.code == 1
    assert done.err.startswith(f"labferry: The state folder {site.folder}/taken/state")
    assert "Set state_dir" in done.err
    assert server.exports == []
