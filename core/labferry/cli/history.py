"""`labferry history`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from labferry.actions.history import history
from labferry.actions.session import open_stores
from labferry.cli.exit_codes import EXIT_CODES, exit_codes
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say
from labferry.cli.params import MOMENT
from labferry.cli.tables import say_wrapped
from labferry.ledger import PastExport, PastRun
from labferry.runtime.units import show_moment, show_seconds, show_size
from labferry.sdk import ExitCode, Outcome

_GOOD = (Outcome.STORED, Outcome.UNCHANGED)
_EXAMPLES = examples(
    "labferry history                     # every run, and what went wrong in it",
    "labferry history --since 30d -v      # every export of the last 30 days",
    "labferry history chemistry --json",
)


@click.command(
    "history",
    short_help="Show every run and what went wrong in it.",
    epilog=exit_codes("history") + _EXAMPLES,
)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@config_option
@click.option(
    "--since",
    type=MOMENT,
    help="Leave out runs that began before: a date (2026-03-01) or an age (30d).",
)
@output_options
def command(
    output: Output, sources: tuple[str, ...], config_path: Path | None, since: datetime | None
) -> int:
    """Show how each run of `labferry sync` ended, oldest first.

    Shows the exports that failed or are not finished, with the reason for each destination, and
    counts the others; -v shows all. Reads only this machine's ledger, which keeps this for good.
    With SOURCE, shows only what is about these sources.
    """
    runs = history(open_stores(config_path), since, sources)
    if output.as_json:
        print_document("history", 0, {"runs": [asdict(each) for each in runs]})
        return 0
    is_empty = True
    for run in runs:
        is_empty = False
        _print(run, everything=output.verbosity > 0)
    if is_empty:
        say("There is no run to show.")
    return 0


def _print(run: PastRun, *, everything: bool) -> None:
    say(f"{show_moment(run.started)}  run {run.run}  {_ending(run)}")
    for problem in run.problems:
        say_wrapped(problem, "  ")
    shown = [each for each in run.exports if everything or each.outcome not in _GOOD]
    for export in shown:
        say_wrapped(_headline(export), "  ")
        for reason in _reasons(export):
            say_wrapped(reason, "    ")
    counts = Counter(each.outcome for each in run.exports if not everything)
    good = [f"{counts[each]} {each}" for each in _GOOD if counts[each]]
    if good:
        say(f"  {', '.join(good)}")


def _ending(run: PastRun) -> str:
    if run.exit_code is None or run.ended is None:
        return "did not end: it was killed, or is at work"
    text = "ok" if run.exit_code == ExitCode.OK else _meaning(run.exit_code)
    took = show_seconds(max(0.0, (run.ended - run.started).total_seconds()))
    return f"{text}  {took}"


def _meaning(code: int) -> str:
    """The first words of what an exit code of a sync means, and the code."""
    words = EXIT_CODES["sync"].get(code, "ended")
    return f"{words.partition(':')[0].partition(';')[0]} (exit code {code})"


def _headline(export: PastExport) -> str:
    stored = [each.destination for each in export.deliveries if each.outcome is Outcome.STORED]
    facts = [str(export.outcome)]
    facts += [f"at {', '.join(stored)}"] if stored else []
    facts += [show_size(export.size)] if export.size is not None and stored else []
    return f"{export.source}: {export.title}: {', '.join(facts)}"


def _reasons(export: PastExport) -> Iterator[str]:
    yield from export.reason.splitlines()
    for each in export.deliveries:
        if each.outcome is not Outcome.STORED:
            yield f"{each.destination}: {each.reason or each.outcome}"
