"""`labferry sync`."""

import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from labferry.actions.session import Session, open_session
from labferry.actions.sync import preview, sync
from labferry.cli.options import Output, config_option, output_options
from labferry.cli.signals import stop_on_signals
from labferry.engine import Stop
from labferry.sdk import ExportReport, RunReport

__all__ = ["command", "print_report"]


@click.command("sync")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@config_option
@click.option("--dry-run", is_flag=True, help="Tell what would be exported; start nothing.")
@output_options
def command(
    output: Output, names: tuple[str, ...], config_path: Path | None, *, dry_run: bool
) -> int:
    r"""Export, verify, and store at every destination.

    Goes on with what earlier runs left, then exports anew. NAME is a sync or a source of the
    configuration; without one, everything is exported.

    \b
    Exit codes: 0 stored and checked, 1 failed, 2 configuration, 3 partial,
    4 integrity, 5 refused, 11 another run is at work, 75 the server is not
    finished yet (run again), 130/143 stopped (run again).
    """
    session = open_session(config_path)
    if dry_run:
        return _preview(output, session, names)
    stop = Stop()
    stop_on_signals(stop)
    report = sync(session, names, stop)
    print_report(output, report)
    if stop.requested:
        # Threads that were in the middle of something must not outlive the report.
        sys.stdout.flush()
        os._exit(report.exit_code)
    return report.exit_code


def _preview(output: Output, session: Session, names: tuple[str, ...]) -> int:
    planned = preview(session, names)
    if output.as_json:
        output.document("sync --dry-run", {"exports": [asdict(export) for export in planned]})
    for export in planned if not output.as_json else ():
        click.echo(f"{export.source}: {export.title} → {', '.join(export.destinations)}")
    return 0


def print_report(output: Output, report: RunReport) -> None:
    """Tell how a run went: what was stored to whoever listens, what went wrong in any case."""
    if output.as_json:
        output.document("sync", asdict(report))
    elif output.is_talkative:
        for export in report.exports:
            click.echo(_line(export))
    problems = [*report.problems]
    for export in report.exports:
        problems += [f"{export.source}: {export.title}: {problem}" for problem in export.problems]
    for problem in problems:
        click.echo(f"labferry: {problem}", err=True)


def _line(export: ExportReport) -> str:
    what = f"{export.source}: {export.title}: {export.outcome}"
    if not export.receipts:
        return what
    places = ", ".join(receipt.destination for receipt in export.receipts)
    return f"{what} at {places}: {export.receipts[0].key} ({export.receipts[0].size:,} bytes)"
