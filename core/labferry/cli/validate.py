"""`labferry plugins validate`."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from labferry.actions.selftest.selftest import State, Validation, Verdict
from labferry.actions.session import open_session
from labferry.cli.completion import complete_destinations
from labferry.cli.exit_codes import exit_codes
from labferry.cli.logs import is_text
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say, tell
from labferry.sdk import ExitCode

_EXAMPLES = examples(
    "labferry plugins validate offsite",
    "labferry plugins validate offsite --json > verdict.json",
)
_MARKS = {State.KEPT: "kept   ", State.BROKEN: "BROKEN ", State.UNTRIED: "untried"}


@click.command(
    "validate",
    short_help="Test whether a destination keeps its promises.",
    epilog=exit_codes("plugins validate") + _EXAMPLES,
)
@click.argument("destination", shell_complete=complete_destinations)
@config_option
@output_options
def command(output: Output, destination: str, config_path: Path | None) -> int:
    """Test at a configured destination what every destination promises.

    Stores sample archives (about 60 MB) below labferry-validate/ there, and deletes them at the
    end. Exits with 0 if every promise that was tested is kept.
    """
    validation = Validation(open_session(config_path), destination)
    verdicts = []
    for verdict in validation.verdicts():
        verdicts.append(verdict)
        _print_verdict(output, destination, verdict)
    broken = [verdict for verdict in verdicts if verdict.state is State.BROKEN]
    code = ExitCode.combine({verdict.exit_code for verdict in broken})
    for left in validation.left:
        text = f"this could not be deleted; delete it by hand: {left}"
        tell(text, logging.WARNING, destination=destination)
    if output.as_json:
        content = {
            "destination": destination,
            "promises": [asdict(verdict) for verdict in verdicts],
            "left_behind": validation.left,
        }
        problems = [{"message": f"{each.promise}: {each.explanation}"} for each in broken]
        print_document("plugins validate", code, content, problems)
    elif not output.is_quiet:
        say(_summary(destination, verdicts))
    return code


def _print_verdict(output: Output, destination: str, verdict: Verdict) -> None:
    if output.as_json or (output.is_quiet and verdict.state is not State.BROKEN):
        return
    if output.is_quiet and not is_text():
        tell(f"{verdict.promise}: {verdict.explanation}", destination=destination)
        return
    line = f"{_MARKS[verdict.state]}  {verdict.promise:<10}  {verdict.claim}"
    say(line, to_stderr=output.is_quiet)
    if verdict.explanation:
        say(f"{'':21}{verdict.explanation}", to_stderr=output.is_quiet)


def _summary(destination: str, verdicts: Sequence[Verdict]) -> str:
    counts = {state: sum(each.state is state for each in verdicts) for state in State}
    untried = f" {counts[State.UNTRIED]} could not be tested." if counts[State.UNTRIED] else ""
    if counts[State.BROKEN]:
        return (
            f"{destination} breaks {counts[State.BROKEN]} of {len(verdicts)} promises.{untried} "
            "Do not trust it with a backup."
        )
    return f"{destination} keeps {counts[State.KEPT]} of {len(verdicts)} promises.{untried}"
