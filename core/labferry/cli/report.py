"""`labferry report`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from labferry.actions.report.figures import Ended, Report
from labferry.actions.report.gather import report
from labferry.actions.report.write import write_page
from labferry.actions.session import open_stores
from labferry.actions.status import Level, judge
from labferry.cli.exit_codes import exit_codes
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say
from labferry.cli.params import DURATION

_EXAMPLES = examples(
    "labferry report --html report.html",
    "labferry report --html report.html --max-age 8d  # for a weekly sync",
)


@click.command(
    "report",
    short_help="Write an HTML page about all backups.",
    epilog=exit_codes("report") + _EXAMPLES,
)
@click.option(
    "--html",
    "file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File to write; replaces an older page.",
)
@config_option
@click.option(
    "--max-age",
    type=DURATION,
    default="26h",
    show_default=True,
    help="Show backups older than this as critical.",
)
@output_options
def command(output: Output, file: Path, config_path: Path | None, max_age: timedelta) -> int:
    """Write one HTML page: freshness, runs, sizes, verification and failures.

    Reads only this machine's ledger. The page needs no other file, no network and no scripts.
    It names sources, destinations, archives and the people or groups whose work they hold, and
    contains no secret. Only the owner can read a new file.
    """
    from labferry.report_page.page import render  # noqa: PLC0415 - with it comes Jinja2

    found = report(open_stores(config_path), max_age, datetime.now(UTC))
    write_page(file, render(found))
    if output.as_json:
        print_document("report", 0, _figures(file, found))
    elif output.is_talkative:
        say(f"The report is in {file}.")
    return 0


def _figures(file: Path, found: Report) -> dict[str, object]:
    ended = {
        each.value: sum(period.ended.get(each, 0) for period in found.periods) for each in Ended
    }
    levels = [judge(row, found.max_age, found.generated) for row in found.rows]
    return {
        "file": str(file.absolute()),
        "generated": found.generated,
        "standings": {
            each.word: levels.count(each) for each in (Level.OK, Level.WARNING, Level.CRITICAL)
        },
        "runs": ended,
        "copies": sum(sum(each.counts.values()) for each in found.coverage),
        "failures": len(found.failures) + found.more_failures,
    }
