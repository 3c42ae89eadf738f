"""`labferry demo`."""

from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from labferry.actions.demo import Demo, demo
from labferry.cli.options import Output, output_options
from labferry.cli.signals import stop_on_signals
from labferry.cli.sync import print_report
from labferry.engine import Stop
from labferry.sdk import StoppedError

__all__ = ["command"]


@click.command("demo")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep-running", is_flag=True, help="Leave the simulated server on until Ctrl-C.")
@output_options
def command(output: Output, folder: Path | None, *, keep_running: bool) -> int:
    """See it work: sync from a simulated RSpace server into FOLDER [default: a new one here].

    Needs no configuration, no server and no network.
    """
    if output.verbosity == 0 and not output.as_json:
        # Whoever asks for a demonstration wants to see it, terminal or not.
        output = replace(output, verbosity=1)
        output.start_logging()
    stop = Stop()
    stop_on_signals(stop)
    with demo(folder, stop) as done:
        if output.as_json:
            output.document("demo", _document(done))
        else:
            print_report(output, done.report)
            _explain(done)
        if keep_running and not stop.requested:
            _keep_running(done, stop)
    return done.report.exit_code


def _document(done: Demo) -> dict[str, Any]:
    places = {"folder": str(done.folder), "config": str(done.config), "server": done.url}
    return {**places, **asdict(done.report)}


def _explain(done: Demo) -> None:
    click.echo(f"\nEverything is in {done.folder}:")
    click.echo(f"  {done.config.relative_to(done.folder)}: the configuration that was used")
    for archive in done.archives:
        click.echo(f"  {archive.relative_to(done.folder)}, and its .manifest.json")
    if done.archives:
        click.echo("\nCompare the archive with the SHA-256 in its manifest:")
        click.echo(f"  sha256sum {done.archives[0]}")
        click.echo(f"  cat {done.archives[0]}.manifest.json")
    click.echo("\nThen back up your own notebook:")
    click.echo("  labferry init     # writes labferry.toml, to be edited")
    click.echo("  labferry check    # tells what is wrong with it, or that all is well")
    click.echo("  labferry sync")


def _keep_running(done: Demo, stop: Stop) -> None:
    click.echo(f"\nThe simulated server stays at {done.url} until Ctrl-C. In another terminal:")
    click.echo(f"  labferry sync -v -c {done.config}")
    with suppress(StoppedError):
        while True:
            stop.wait(3600)
