"""Every kind of error, and every verb, ends the process with codes that are documented."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from labferry.cli.exit_codes import EXIT_CODES
from labferry.cli.failures import report_failure
from labferry.cli.main import cli
from labferry.sdk import LabferryError, StoppedError, errors

MEANT = {
    "AnswerLostError": 1,
    "ConfigError": 2,
    "ConflictError": 1,
    "ExportFailedError": 1,
    "FullError": 1,
    "HeldError": 5,
    "IncompleteError": 3,
    "IntegrityError": 4,
    "InvalidAnswerError": 1,
    "LabferryError": 1,
    "LockHeldError": 11,
    "NotFinishedError": 75,
    "NotFoundError": 1,
    "PluginError": 2,
    "RefusedError": 5,
    "SlotBusyError": 1,
    "StateError": 1,
    "TransientError": 1,
    "UnavailableError": 1,
}
"""By class; that of `StoppedError` depends on the signal."""
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def _tree(kind: type[LabferryError]) -> Iterator[type[LabferryError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _tree(each)


def _drawn() -> dict[str, set[int]]:
    """The codes in the drawing that the reference is made from."""
    rows = re.findall(r"(\w+Error) +(\d+(?:, \d+)*)  ", errors.__doc__ or "")
    return {name: {int(code) for code in codes.split(", ")} for name, codes in rows}


def _explained(project: Path) -> set[int]:
    """The codes on the page about them."""
    table = (project / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+(?:, \d+)*) \|", table, re.MULTILINE)
    return {int(code) for row in rows for code in row.split(", ")}


def _verbs() -> Iterator[tuple[str, click.Context]]:
    whole = click.Context(cli, info_name="labferry", **cli.context_settings)
    for name in cli.list_commands(whole):
        command = cli.get_command(whole, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=whole)
        yield name, context
        if isinstance(command, click.Group):
            for inner, each in command.commands.items():
                yield f"{name} {inner}", click.Context(each, info_name=inner, parent=context)


def test_every_class_of_the_tree_has_a_code_and_no_other_has_one(project: Path) -> None:
    ours = {kind.__name__ for kind in _tree(LabferryError) if kind.__module__ == errors.__name__}
    stopped = {StoppedError.__name__: {*SIGNALS.values()}}
    assert ours == {name for name in errors.__all__ if name.endswith("Error")}
    assert {name: {code} for name, code in MEANT.items()} | stopped == _drawn()
    assert {*MEANT} | {*stopped} == ours
    assert {*MEANT.values(), *SIGNALS.values()} <= _explained(project)


@pytest.mark.parametrize("name", MEANT)
def test_code_is_the_documented_one(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = getattr(errors, name)("What happened.", hint="What to do.")

    code = report_failure(error, "sync", as_json=True)

    assert code == MEANT[name]
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["exit_code"] == code
    assert document["problems"] == [{"message": "What happened.", "hint": "What to do."}]
    assert shown.err == "labferry: What happened. What to do.\n"


@pytest.mark.parametrize("number", SIGNALS)
def test_code_of_what_a_signal_ended_is_that_of_the_signal(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    code = report_failure(StoppedError(number), "list", as_json=True)

    assert code == SIGNALS[number]
    assert json.loads(capsys.readouterr().out)["exit_code"] == code


def test_every_verb_states_what_it_can_end_with(project: Path) -> None:
    found = {}
    for verb, context in _verbs():
        text = context.command.get_help(context)
        (block,) = re.findall(r"\n  Exit codes:\n((?:    .+\n)+)\n  Examples:\n", text)
        found[verb] = [int(code) for code in re.findall(r"^ {4}(\d+) +\w", block, re.MULTILINE)]
    assert found == {verb: [*codes] for verb, codes in EXIT_CODES.items()}
    assert {code for codes in found.values() for code in codes} == _explained(project)
    for verb, codes in found.items():
        assert {0, 1, 2, 130, 143} <= {*codes}, verb
