"""One JSON document on stdout, whatever happens."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from labferry.testing.rspace import SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Source
    from tests.lab import Lab

WITH_CONFIG = [("sync",), ("sync", "--dry-run"), ("check",)]


def test_a_sync(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"lab": source(server)})

    done = lab.run("sync", "--json")

    document = done.document
    assert done.err == ""
    assert list(document)[:3] == ["labferry_output", "command", "exit_code"]
    assert (document["command"], document["dry_run"], document["run"]) == ("sync", False, 1)
    assert datetime.fromisoformat(document["started"]) < datetime.fromisoformat(document["ended"])
    assert document["started"][10] == "T"
    (export,) = document["exports"]
    (receipt,) = export["receipts"]
    assert (export["outcome"], export["exit_code"], export["problems"]) == ("stored", 0, [])
    assert (receipt["destination"], receipt["checked"]) == ("nas", "read-back")
    assert receipt["key"] == lab.files()[0]
    assert receipt["size"] == export["size"] == server.exports[0].size


def test_a_sync_that_fails(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"lab": source(server, "WRONG_KEY")})

    done = lab.run("sync", "--json")

    (problem,) = done.document["problems"]
    assert done.code == 5
    assert f"labferry: {problem['message']}" == done.messages[1]


def test_a_sync_on_a_terminal_is_a_document_with_messages_around(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server)})

    lab.environment["TERM"] = "dumb"  # no bars in between

    shown = lab.run_on_terminal("sync", "--json").out.splitlines()

    assert all(line.startswith("labferry: ") for line in shown[: shown.index("{")])
    assert shown[-1] == "}"


@pytest.mark.parametrize("arguments", WITH_CONFIG)
def test_mistakes_in_the_configuration_are_listed(lab: Lab, arguments: tuple[str, ...]) -> None:
    lab.write({"lab": {"type": "rspace", "ulr": "https://x"}}, poll="1m")

    done = lab.run(*arguments, "--json")

    document = done.document
    assert (done.code, document["command"]) == (2, arguments[0])
    assert (
        done.messages[0] == f"labferry: The configuration has {len(document['problems'])} mistakes:"
    )
    found = {problem["key"]: problem for problem in document["problems"]}
    assert found["sources.lab.ulr"]["message"] == "unknown key"
    assert 'Did you mean "url"?' in found["sources.lab.ulr"]["hint"]
    assert found["sources.lab.ulr"]["file"] == str(lab.config)
    line = lab.config.read_text().splitlines()[found["sources.lab.ulr"]["line"] - 1]
    assert line.startswith("ulr = ")
    assert {"poll", "sources.lab.url"} <= set(found)


def test_a_file_that_is_not_there(lab: Lab) -> None:
    done = lab.run("check", "--json", "-c", "other.toml")

    (problem,) = done.document["problems"]
    assert done.code == 2
    assert "other.toml" in problem["message"]
    assert "labferry init" in problem["hint"]


def test_a_secret_that_is_not_there(lab: Lab, source: Source) -> None:
    lab.write({"lab": source("https://rspace.example.edu", "NO_SUCH_KEY")})

    (problem,) = lab.run("sync", "--json").document["problems"]

    assert "NO_SUCH_KEY is not set" in problem["message"]
    assert problem["key"] == "sources.lab.api_key"


@pytest.mark.parametrize(
    "arguments", [("sync", "--nonsense"), ("nonsense",), ("check", "one", "more")]
)
def test_a_wrong_command_line(lab: Lab, arguments: tuple[str, ...]) -> None:
    done = lab.run(*arguments, "--json")

    assert done.code == 2
    assert len(done.document["problems"]) == 1
    assert done.err.startswith("Usage: labferry")


def test_check(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"lab": source(server)}, ["nas", "offsite"])
    lab.destination("offsite").rmdir()

    done = lab.run("check", "--json")

    document = done.document
    assert (done.code, document["command"]) == (1, "check")
    by_subject = {result["subject"]: result for result in document["results"]}
    assert by_subject["source lab"]["severity"] == "ok"
    assert by_subject["destination offsite"]["severity"] == "error"
    (problem,) = document["problems"]
    assert problem["message"].startswith("destination offsite: There is no folder")
    assert len(done.messages) == 1


def test_init(lab: Lab) -> None:
    first, second = lab.run("init", "--json"), lab.run("init", "--json")

    assert (first.code, first.err) == (0, "")
    assert first.document["files"] == [str(lab.config)]
    assert second.code == 2
    assert "exists already" in second.document["problems"][0]["message"]


def test_plugins(lab: Lab) -> None:
    done = lab.run("plugins", "--json")

    found = {plugin["name"]: plugin for plugin in done.document["plugins"]}
    assert "local" in found["local"]["sinks"]
    assert "rspace" in found["rspace"]["sources"]
    assert {found[name]["state"] for name in ("local", "rspace")} == {"ok"}
    assert {found[name]["distribution"] for name in ("local", "rspace")} == {"labferry"}
