"""`labferry demo`."""

import logging
import shlex
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import click

from labferry.actions.demo import Demo, demo
from labferry.cli.exit_codes import exit_codes
from labferry.cli.invocation import typed
from labferry.cli.options import examples, output_options
from labferry.cli.output import Output, say, tell
from labferry.cli.progress import progress_bars
from labferry.cli.signals import stop_on_signals
from labferry.cli.summary import print_run
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.sdk import StoppedError

_EXAMPLES = examples(
    "labferry demo                          # into ./labferry-demo",
    "labferry demo --keep-running /tmp/try  # then run more verbs against it",
)


@click.command(
    "demo", short_help="Try labferry on a simulated RSpace.", epilog=exit_codes("demo") + _EXAMPLES
)
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--keep-running", is_flag=True, help="Keep the simulated server running until Ctrl-C."
)
@output_options
def command(output: Output, folder: Path | None, *, keep_running: bool) -> int:
    """Try labferry: sync from a simulated RSpace server into FOLDER [default: a new one here].

    Needs no configuration, no server and no network.
    """
    if output.verbosity == 0 and not output.as_json:
        # Whoever asks for a demonstration wants to see it, terminal or not.
        output = replace(output, verbosity=1)
        output.start_logging()
    stop = Stop()
    stop_on_signals(stop)
    progress = Progress()
    with ExitStack() as stack:
        with progress_bars(progress, wanted=output.has_bars):
            done = stack.enter_context(demo(folder, stop, progress))
        places = {"folder": str(done.folder), "config": str(done.config), "server": done.url}
        print_run(output, "demo", done.report, done.config, **places)
        if output.is_talkative and not stop.requested:
            _explain(done)
        if keep_running and not stop.requested:
            _keep_running(done, stop)
    return done.report.exit_code


def _explain(done: Demo) -> None:
    say()
    say(f"Everything is in {done.folder}:")
    say(f"  {done.config.relative_to(done.folder)}: the configuration that was used")
    for archive in done.archives:
        say(f"  {archive.relative_to(done.folder)}, and its .manifest.json")
    if done.archives:
        first = shlex.quote(str(done.archives[0]))
        say()
        say("Compare the archive with the SHA-256 in its manifest:")
        say(f"  sha256sum {first}")
        say(f"  cat {first}.manifest.json")
    program = typed()
    say()
    say("Then back up your own notebook:")
    say(f"  {program} init     # writes labferry.toml. Edit it")
    say(f"  {program} check    # lists what is wrong with it")
    say(f"  {program} sync")


def _keep_running(done: Demo, stop: Stop) -> None:
    """Until a signal comes, which is how this is meant to end: no failure."""
    until = f"The simulated server runs at {done.url} until Ctrl-C. In another terminal:"
    tell(until, logging.INFO)
    tell(f"  {typed()} sync -v -c {shlex.quote(str(done.config))}", logging.INFO)
    with suppress(StoppedError):
        while True:
            stop.wait(3600)
