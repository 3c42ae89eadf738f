"""`labferry list`."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from labferry.actions.list import Listed, Listing, list_stored
from labferry.actions.session import open_stores
from labferry.cli.completion import complete_destinations, complete_sources
from labferry.cli.exit_codes import exit_codes
from labferry.cli.export_words import not_verified
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say, tell
from labferry.cli.params import MOMENT
from labferry.cli.tables import clipped, print_what_fits, without_empty
from labferry.copies.query import failure_text
from labferry.runtime.stop import Stop
from labferry.runtime.units import show_moment, show_seconds, show_size
from labferry.sdk import ExitCode

_WHOSE = "WORK OF"
_HEAD = (
    *("ARCHIVE", _WHOSE, "SOURCE", "DESTINATION", "TAKEN (UTC)", "AGE", "SIZE", "SHA-256"),
    "VERIFIED",
)
_SPARE = ("SHA-256", "VERIFIED", "AGE", "SOURCE", "SIZE", "TAKEN (UTC)")
_STRAY_HEAD = ("DESTINATION", "KIND", "SIZE", "SINCE (UTC)", "WHERE")
_STRAY_SPARE = ("SINCE (UTC)", "SIZE")
_DIGITS = 12
_WIDEST_NAME = 24
_EXAMPLES = examples(
    "labferry list                        # everything, the newest last",
    "labferry list offsite --since 7d     # of the last week, at one destination",
    "labferry list --source chem --json   # with full digests, for programs",
    "labferry list --all                  # and everything else that is there",
)


@click.command(
    "list",
    short_help="List what is stored at the destinations.",
    epilog=exit_codes("list") + _EXAMPLES,
)
@click.argument("destination", required=False, shell_complete=complete_destinations)
@config_option
@click.option(
    "--source",
    metavar="NAME",
    shell_complete=complete_sources,
    help="Only archives of this source.",
)
@click.option(
    "--since", type=MOMENT, help="Only archives taken at that time or later: 2026-03-01, 7d."
)
@click.option("--all", "strays", is_flag=True, help="Also show files that are no complete archive.")
@output_options
def command(
    output: Output,
    destination: str | None,
    config_path: Path | None,
    source: str | None,
    since: datetime | None,
    *,
    strays: bool,
) -> int:
    """List what is stored at DESTINATION, or at all of them.

    Asks the destinations themselves. Needs no source, no key of the notebook and no state folder.
    Changes nothing. With --all, also shows archives without a manifest, manifests without an
    archive, and unfinished and foreign files.
    """
    session = open_stores(config_path)
    listing = list_stored(
        session, Stop(), destination=destination, source=source, since=since, strays=strays
    )
    code = _exit_code(listing, len(session.config.destinations) if destination is None else 1)
    problems = [failure_text(name, error) for name, error in listing.failures.items()]
    if output.as_json:
        content = {
            "archives": [asdict(copy) for copy in listing.copies],
            "strays": [
                {"destination": name, **asdict(stray)}
                for name, found in listing.strays.items()
                for stray in found
            ],
        }
        print_document("list", code, content, [{"message": problem} for problem in problems])
    else:
        _print(output, listing)
    for name, error in listing.failures.items():
        tell(failure_text(name, error), destination=name)
    return code


def _exit_code(listing: Listing, asked: int) -> int:
    failures = [error.exit_code for error in listing.failures.values()]
    return ExitCode.combine(failures, any_succeeded=len(failures) < asked)


def _print(output: Output, listing: Listing) -> None:
    if listing.copies:
        # Who asks for whole digests gets them.
        spare = _SPARE if output.verbosity <= 0 else ()
        head, rows = without_empty(_HEAD, [_row(output, copy) for copy in listing.copies], _WHOSE)
        print_what_fits(head, rows, spare)
    elif not listing.failures and not output.is_quiet:
        tell("No archive is stored.", logging.INFO)
    if listing.strays:
        if listing.copies:
            say()
        print_what_fits(_STRAY_HEAD, _stray_rows(listing), _STRAY_SPARE)


def _row(output: Output, copy: Listed) -> Sequence[str]:
    digest = copy.sha256 if output.verbosity > 0 else copy.sha256[:_DIGITS]
    return (
        copy.archive_id,
        clipped(str(copy.names), _WIDEST_NAME),
        copy.source,
        copy.destination,
        show_moment(copy.taken),
        _age(copy.taken),
        show_size(copy.size),
        digest,
        not_verified(copy.download_check) or _verified(copy),
    )


def _verified(copy: Listed) -> str:
    return "-" if copy.last_verified is None else f"{_age(copy.last_verified)} ago"


def _stray_rows(listing: Listing) -> Sequence[Sequence[str]]:
    return [
        (
            name,
            stray.kind.value,
            "-" if stray.size is None else show_size(stray.size),
            "-" if stray.since is None else show_moment(stray.since),
            stray.key,
        )
        for name, found in listing.strays.items()
        for stray in found
    ]


def _age(moment: datetime) -> str:
    return show_seconds(max(0.0, (datetime.now(UTC) - moment).total_seconds()))
