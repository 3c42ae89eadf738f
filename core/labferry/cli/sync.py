"""`labferry sync`."""

import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from labferry.actions.session import Routes, Session, open_session
from labferry.actions.sync import open_sync, preview, sync
from labferry.cli.completion import complete_syncs
from labferry.cli.exit_codes import exit_codes
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say, tell
from labferry.cli.progress import progress_bars
from labferry.cli.signals import stop_on_signals
from labferry.cli.summary import print_run, report_begun
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.sdk import ExitCode, redact

_log = logging.getLogger(__name__)

_EXAMPLES = examples(
    "labferry sync                # every sync; without syncs, every source",
    "labferry sync nightly -v     # one sync or source, showing what it does",
    "labferry sync --dry-run      # what would be exported, and where to",
)


@click.command(
    "sync",
    short_help="Export, verify, store at every destination.",
    epilog=exit_codes("sync") + _EXAMPLES,
)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_syncs)
@config_option
@click.option("--dry-run", is_flag=True, help="Show what would be exported; start nothing.")
@output_options
def command(
    output: Output, names: tuple[str, ...], config_path: Path | None, *, dry_run: bool
) -> int:
    """Export, verify, and store at every destination.

    First finishes what earlier runs left, then starts new exports. NAME is a sync or a source of
    the configuration; without NAME, everything is exported.
    """
    session = open_session(config_path) if dry_run else open_sync(config_path)
    for warning in session.config.warnings:
        _log.warning("%s", warning)
    for notice in session.config.notices:
        _log.info("%s", notice)
    routes = session.routes(names)
    if dry_run:
        return _preview(output, session, routes)
    stop = Stop()
    stop_on_signals(stop)
    report_begun(output, session.config.path, routes)
    progress = Progress()
    with progress_bars(progress, wanted=output.has_bars):
        report = sync(session, routes, stop, progress)
    print_run(output, "sync", report, session.config.path)
    if stop.requested:
        # Threads that were in the middle of something must not outlive the report.
        sys.stdout.flush()
        os._exit(report.exit_code)
    return report.exit_code


def _preview(output: Output, session: Session, routes: Routes) -> int:
    planned, problems = preview(session, routes)
    code = ExitCode.combine((each.exit_code for each in problems), any_succeeded=bool(planned))
    if output.as_json:
        content = {"dry_run": True, "exports": [asdict(export) for export in planned]}
        told = [{"message": redact(each.message), "hint": redact(each.hint)} for each in problems]
        print_document("sync", code, content, told)
        return code
    for export in planned:
        say(f"{export.source}: {export.title} → {', '.join(export.destinations)}")
    for problem in problems:
        tell(redact(str(problem)))
    return code
