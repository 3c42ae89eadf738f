"""`labferry drill`."""

from collections.abc import Sequence
from pathlib import Path

import click

from labferry.actions.drill import Drill, drill
from labferry.actions.session import open_stores
from labferry.cli.drill_report import as_document, as_markdown, check_report, write_report
from labferry.cli.exit_codes import exit_codes
from labferry.cli.identities import identities_option, secrets_in
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say, tell
from labferry.cli.progress import progress_bars
from labferry.cli.signals import stop_on_signals
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.sdk import ExitCode, StoppedError

_EXAMPLES = examples(
    "labferry drill                       # print the report",
    "labferry drill --to-report drill.md  # keep it, with JSON beside it",
)


@click.command(
    "drill",
    short_help="Prove that everything can be restored.",
    epilog=exit_codes("drill") + _EXAMPLES,
)
@config_option
@click.option(
    "--to-report",
    "report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the report to this file (Markdown), and a JSON report beside it.",
)
@identities_option
@output_options
def command(
    output: Output, config_path: Path | None, report: Path | None, identity_files: Sequence[Path]
) -> int:
    """Restore the newest archive of each source from each destination, and report.

    labferry fetches each one into a scratch folder (below $TMPDIR), verifies it, opens it, reads
    every file in it, and deletes what it fetched. The report shows the recovery point and the
    recovery time of each. Needs no state folder and no notebook server.
    """
    if report is not None:
        check_report(report)
    session = open_stores(config_path)
    stop = Stop()
    stop_on_signals(stop)
    progress = Progress()
    try:
        with progress_bars(progress, wanted=output.has_bars):
            held = drill(session, stop, secrets_in(identity_files), progress)
    except StoppedError as error:
        error.hint = "Start the drill again from the beginning."
        raise
    if report is not None:
        write_report(report, held, session.config.path)
    code = _exit_code(held)
    failed = [f"{t.destination}: {t.problem}" for t in held.trials if t.exit_code]
    if output.as_json:
        content = as_document(held, session.config.path)
        print_document("drill", code, content, [{"message": text} for text in failed])
    elif report is None:
        for line in as_markdown(held, session.config.path).splitlines():
            say(line)
    elif output.is_talkative:
        say(f"The report is in {report}.")
    for text in failed:
        tell(text)
    return code


def _exit_code(held: Drill) -> int:
    if not held.trials:
        return ExitCode.FAILED
    codes = [trial.exit_code for trial in held.trials]
    return ExitCode.combine(codes, any_succeeded=ExitCode.OK in codes)
