"""The first things that somebody tries: help, version, init, schema, and mistyped commands."""

from __future__ import annotations

import json
import stat
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

import labferry
from labferry.testing.rspace import SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Source
    from tests.lab import Lab

VERBS = [
    "check",
    "completion",
    "demo",
    "drill",
    "history",
    "init",
    "list",
    "plugins",
    "prune",
    "report",
    "restore",
    "schema",
    "status",
    "sync",
    "verify",
]


def test_the_version(lab: Lab) -> None:
    command = str(Path(sys.executable).with_name("labferry"))

    for done in (lab.run("--version"), lab.run_program(command, "--version")):
        assert (done.code, done.out) == (0, f"labferry, version {labferry.__version__}\n")


def test_the_verbs_are_listed_with_a_whole_sentence_each(lab: Lab) -> None:
    done = lab.run("-h")

    assert done.code == 0
    lines = done.out.splitlines()
    listed = lines[lines.index("Commands:") + 1 :][: len(VERBS)]
    assert [line.split()[0] for line in listed] == VERBS
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)
    assert lab.run().code == 2


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_readable_and_has_an_example(lab: Lab, verb: str) -> None:
    done = lab.run(verb, "-h")

    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert f"\n  Examples:\n    labferry {verb}" in done.out
    assert "\b" not in done.out
    assert "\\b" not in done.out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["snyc"], "No such command 'snyc'. Did you mean 'sync'?"),
        (["nonsense"], "No such command 'nonsense'.\n"),
        (["sync", "--jsno"], "No such option"),
        (["init", "a", "b"], "unexpected extra argument"),
        (["check", "-c", "/"], "is a directory"),
    ],
)
def test_a_mistyped_command_is_explained(lab: Lab, arguments: list[str], word: str) -> None:
    done = lab.run(*arguments)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: labferry")
    assert word in done.err


def test_init_writes_a_private_file_and_never_overwrites(lab: Lab) -> None:
    done = lab.run("init")

    assert (done.code, done.out, done.err) == (0, "", "")
    assert stat.S_IMODE(lab.config.stat().st_mode) == 0o600
    before = lab.config.read_bytes()
    again = lab.run("init")
    assert again.code == 2
    assert again.err.startswith("labferry: labferry.toml exists already and was not touched.")
    assert lab.config.read_bytes() == before


def test_init_tells_a_person_how_to_go_on(lab: Lab) -> None:
    done = lab.run_on_terminal("init", "other.toml")

    program = f"{sys.executable} -m labferry"
    assert done.out == f"Wrote other.toml. Edit it, then: {program} check -c other.toml\n"


def test_init_where_nothing_can_be_written(lab: Lab) -> None:
    done = lab.run("init", "no/such/folder.toml")

    assert done.code == 2
    assert done.err.startswith("labferry: no/such/folder.toml can't be written: No such file")


def test_what_init_writes_is_accepted_once_it_is_edited(lab: Lab, server: SimulatedRSpace) -> None:
    lab.run("init")
    lab.destination().mkdir()
    text = lab.config.read_text(encoding="utf-8")
    text = text.replace("https://rspace.example.edu", server.url)
    lab.config.write_text(text.replace('"/mnt/backup/rspace"', '"nas"'), encoding="utf-8")
    state = {"STATE_DIRECTORY": str(lab.state)}

    without_key = lab.run("check", **state)
    done = lab.run("check", RSPACE_API_KEY=lab.environment["ALICE_KEY"], **state)

    assert without_key.code == 2
    assert "RSPACE_API_KEY is not set" in without_key.err
    assert (done.code, done.out, done.err) == (0, "", "")
    assert lab.state.is_dir()


def test_the_schema_is_one_and_accepts_what_init_writes(lab: Lab) -> None:
    lab.run("init")

    schema = json.loads(lab.run("schema").out)

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads(lab.config.read_text(encoding="utf-8")), schema)


def test_the_schema_refuses_what_check_refuses(lab: Lab, source: Source) -> None:
    lab.write({"lab": source("https://rspace.example.edu", format="docx")}, ["nas"], nonsense=1)
    schema = json.loads(lab.run("schema").out)

    validator = jsonschema.Draft202012Validator(schema)
    document = tomllib.loads(lab.config.read_text(encoding="utf-8"))
    assert len(list(validator.iter_errors(document))) == 2
    assert lab.run("check").messages[0] == "labferry: The configuration has 2 mistakes:"
