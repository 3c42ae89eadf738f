"""What every verb prints with --json, and every line with --log-format json, is in the schema."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from labferry.cli.documents import CONTENT, output_schema
from labferry.cli.main import cli
from labferry.testing.rspace import SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Source
    from tests.lab import Lab

VERBS = sorted({command.split()[0] for command in CONTENT})


def _strict() -> dict[str, Any]:
    """The schema, where no field may appear that it does not name."""
    schema = copy.deepcopy(output_schema())
    contents = {kind.__name__ for kinds in CONTENT.values() for kind in kinds}
    for name, part in schema["$defs"].items():
        if "properties" in part and name not in {*contents, "Failure"}:
            part["additionalProperties"] = False
    return {**schema, "unevaluatedProperties": False}


STRICT = _strict()


def check(document: dict[str, Any]) -> dict[str, Any]:
    Draft202012Validator(STRICT, format_checker=FormatChecker()).validate(document)
    return document


def check_as(name: str, document: dict[str, Any]) -> dict[str, Any]:
    part = {**STRICT["$defs"][name], "$defs": STRICT["$defs"]}
    Draft202012Validator(part, format_checker=FormatChecker()).validate(document)
    return document


def check_lines(text: str) -> list[dict[str, Any]]:
    return [check_as("LogLine", json.loads(line)) for line in text.splitlines()]


def test_a_whole_life(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    """One laboratory, on which every verb that needs a configuration is run."""
    retention = {"keep_last": 1}
    lab.write({"lab": source(server)}, {"nas": {"retention": retention}, "two": {}})
    for name in ("nas", "two"):
        lab.destination(name).mkdir()

    preview = check(lab.run("sync", "--dry-run", "--json").document)
    assert preview["dry_run"] is True
    assert len(check(lab.run("sync", "--json").document)["exports"][0]["receipts"]) == 2
    assert check(lab.run("check", "--json").document)["exit_code"] == 0
    (lab.destination("nas") / "lab" / "foreign.txt").write_text("of somebody else")
    listing = check(lab.run("list", "--all", "--json").document)
    assert (len(listing["archives"]), listing["strays"][0]["kind"]) == (2, "foreign")
    assert len(check(lab.run("status", "--json").document)["standings"]) == 2
    assert check(lab.run("verify", "--json").document)["results"]
    assert check(lab.run("drill", "--json").document)["is_good"] is True
    assert check(lab.run("report", "--html", "page.html", "--json").document)["copies"] == 2
    pruned = check(lab.run("prune", "nas", "--strays", "--dry-run", "--json").document)
    assert pruned["destinations"][0]["archives"][0]["keep"] is True
    restored = lab.run("restore", "latest", "--source", "lab", "--to", "back.zip", "--json")
    assert check(restored.document)["restored"]["files"] is None

    for archive in lab.destination("nas").rglob("*.zip"):
        archive.write_bytes(b"damaged")
    lab.destination("two").rename(lab.folder / "gone")
    assert check(lab.run("verify", "--json").document)["exit_code"] == 4
    assert check(lab.run("drill", "--json").document)["is_good"] is False
    assert check(lab.run("list", "--json").document)["exit_code"] == 3
    assert check(lab.run("check", "--json").document)["exit_code"] == 1
    assert check(lab.run("sync", "--json").document)["exit_code"] != 0
    assert check(lab.run("prune", "two", "--strays", "--json").document)["problems"]


@pytest.mark.parametrize("damage", [False, True], ids=["good", "damaged"])
def test_the_file_beside_the_report_of_a_drill(
    lab: Lab, server: SimulatedRSpace, source: Source, *, damage: bool
) -> None:
    lab.write({"lab": source(server)})
    assert lab.run("sync").code == 0
    if damage:
        lab.archives()[0].write_bytes(b"damaged")
    lab.run("drill", "--to-report", "drill.md")
    written = json.loads((lab.folder / "drill.json").read_text(encoding="utf-8"))
    check_as("DrillFile", written)
    assert (written["labferry_drill"], written["is_good"]) == (1, not damage)
    with pytest.raises(ValidationError):
        check_as("DrillFile", {**written, "labferry_drill": 2})


def test_a_sync_that_fails(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"lab": source(server, "WRONG_KEY")})
    document = check(lab.run("sync", "--json").document)
    assert document["exports"] == [] or document["exports"][0]["outcome"] == "failed"
    assert document["exit_code"] == 5


def test_the_verbs_that_need_no_configuration(lab: Lab) -> None:
    assert check(lab.run("plugins", "--json").document)["plugins"]
    assert check(lab.run("demo", "../demo", "--json").document)["exports"][0]["outcome"] == "stored"
    assert check(lab.run("init", "--json").document)["files"] == [str(lab.config)]


def test_a_destination_on_trial(lab: Lab, source: Source) -> None:
    lab.write({"lab": source("https://rspace.example.edu")})
    assert check(lab.run("plugins", "validate", "nas", "--json").document)["promises"]
    lab.destination().rename(lab.folder / "gone")
    assert check(lab.run("plugins", "validate", "nas", "--json").document)["exit_code"] == 1


@pytest.mark.parametrize("verb", VERBS)
def test_a_wrong_command_line(lab: Lab, verb: str) -> None:
    document = check(lab.run(verb, "--nonsense", "--json").document)
    assert (document["command"], document["exit_code"]) == (verb, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["sync"],
        ["check"],
        ["status"],
        ["status", "--max-age", "1d"],
        ["restore", "latest", "--to", "x"],
    ],
    ids=" ".join,
)
def test_mistakes_in_the_configuration(lab: Lab, arguments: list[str]) -> None:
    lab.write({"lab": {"type": "rspace", "ulr": "https://x"}})
    assert check(lab.run(*arguments, "--json").document)["problems"]


def test_a_command_that_is_none(lab: Lab) -> None:
    assert check(lab.run("nonsense", "--json").document)["command"] == ""


def test_log_lines(lab: Lab, server: SimulatedRSpace, source: Source) -> None:
    lab.write({"lab": source(server)})
    lines = check_lines(lab.run("sync", "-v", "--log-format", "json").err)
    named = {name for line in lines for name in line}
    assert named >= {"run", "source", "archive", "destination"}
    lab.destination().rename(lab.folder / "gone")
    told = check_lines(lab.run("sync", "--log-format", "json").err)
    assert {line["level"] for line in told} == {"error", "info"}
    assert check_lines(lab.run("sync", "--nonsense", "--log-format", "json").err)


def test_the_command_prints_the_schema(lab: Lab) -> None:
    done = lab.run("schema", "--output")
    assert (done.code, done.err) == (0, "")
    schema = json.loads(done.out)
    Draft202012Validator.check_schema(schema)
    assert schema == json.loads(json.dumps(output_schema()))
    assert schema["$id"] == "urn:labferry:output:1"


def test_every_verb_with_json_is_in_the_schema_and_the_others_on_the_page(project: Path) -> None:
    context = click.Context(cli, info_name="labferry")
    found: set[str] = set()
    others: set[str] = set()
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        parts = {name: command}
        if isinstance(command, click.Group):
            parts |= {f"{name} {inner}": each for inner, each in command.commands.items()}
        for path, each in parts.items():
            has_json = any("--json" in option.opts for option in each.params)
            (found if has_json else others).add(path)
    assert found == set(CONTENT)
    page = (project / "docs/reference/json-output.md").read_text(encoding="utf-8")
    first, *_ = page.partition("| field | meaning |")
    assert "every verb but two" in first
    assert {verb for verb in cli.list_commands(context) if f"`{verb}`" in first} == others
    assert len(others) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"exit_code": 0},
        {"exit_code": 0, "file": "x"},
        {"exit_code": "2"},
        {"problems": [{"hint": "a problem without a message"}]},
        {"labferry_output": 2},
        {"command": "nonsense", "exit_code": 0},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_no_document(wrong: dict[str, Any]) -> None:
    right = {"labferry_output": 1, "command": "sync", "exit_code": 2, "problems": [{"message": ""}]}
    check(right)
    with pytest.raises(ValidationError):
        Draft202012Validator(output_schema()).validate({**right, **wrong})


def test_names_that_were_published_stay() -> None:
    published = Path(__file__).with_name("published_definitions.txt")
    names = published.read_text(encoding="utf-8").split()
    assert set(names) - {*output_schema()["$defs"]} == set()
    assert output_schema()["$defs"]["ProofState"]["title"] == "ProofState"
