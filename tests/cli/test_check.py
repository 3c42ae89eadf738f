"""`labferry check`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from labferry.testing.rspace import Fault, SimulatedRSpace, html_answer

if TYPE_CHECKING:
    from tests.cli.conftest import Source
    from tests.lab import Lab


def test_everything_that_was_looked_at_is_told(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server, scope="user")}, ["nas", "offsite"])

    done = lab.run("check", "-v")

    assert (done.code, done.err) == (0, "")
    told = done.out.splitlines()
    assert all(line.startswith("ok       ") for line in told)
    for words in (
        f"configuration: {lab.config} has no mistakes",
        f"state folder: {lab.state} ",
        f"source lab: RSpace {server.options.version} answers at {server.url}",
        "source lab: Would export: work of alice",
        f"destination nas: {lab.destination()} can be written and read",
        "destination offsite: ",
    ):
        assert any(words in line for line in told), words


def test_no_export_begins_and_nothing_is_left(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})

    assert lab.run("check").code == 0

    assert {request.method for request in server.requests} == {"GET"}
    assert server.exports == []
    assert list(lab.destination().iterdir()) == []


@pytest.mark.parametrize(
    ("keys", "code", "word"),
    [
        ({"key": "WRONG_KEY"}, 5, "HTTP 401"),
        ({"scope": "group"}, 5, "alice"),
        ({"scope": "search", "query": "no such thing"}, 1, "finds 0 documents"),
        ({"scope": "all-users"}, 5, "HTTP 401"),
    ],
)
def test_a_source_that_would_fail(
    lab: Lab,
    server: SimulatedRSpace,
    source: Source,
    *,
    keys: dict[str, Any],
    code: int,
    word: str,
) -> None:
    lab.write({"lab": source(server, **keys)})

    done = lab.run("check")

    assert done.code == code
    (line,) = done.messages
    assert line.startswith("ERROR    source lab: ")
    assert word in line


def test_a_server_that_is_none(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    server.faults.add(Fault("any", html_answer(200), times=None))
    lab.write({"lab": source(server)})

    done = lab.run("check")

    assert done.code == 1
    assert "Check that the url of the source is the address of an RSpace server." in done.err


def test_failures_of_several_kinds_are_all_told(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"alice": source(server), "lost": source(server, "WRONG_KEY")}, {"nas": {}})

    done = lab.run("check")

    assert done.code == 1
    assert [line.split(":")[0] for line in done.messages] == [
        "ERROR    source lost",
        "ERROR    destination nas",
    ]


def test_a_destination_that_is_not_required_is_a_warning(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.destination("nas").mkdir()
    lab.write({"lab": source(server)}, {"nas": {}, "usb": {"required": False}})

    done = lab.run("check")

    assert done.code == 0
    (line,) = done.messages
    assert line.startswith("warning  destination usb: There is no folder")


def test_a_state_folder_that_can_not_be_used(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    (lab.folder / "taken").touch()
    lab.write({"lab": source(server)}, state_dir="taken/state")

    done = lab.run("check")

    assert done.code == 1
    (line,) = done.messages
    assert line.startswith(f"ERROR    state folder: The state folder {lab.folder}/taken/state")


def test_a_ledger_of_a_newer_version(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"lab": source(server)})
    lab.state.mkdir(mode=0o700)
    with closing(sqlite3.connect(lab.state / "ledger.db")) as database:
        database.execute("PRAGMA user_version = 99")

    done = lab.run("check")

    assert done.code == 1
    (line,) = [line for line in done.messages if line.startswith("ERROR")]
    assert "state folder: A newer labferry wrote the ledger" in line
