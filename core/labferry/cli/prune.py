"""`labferry prune`."""

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import click

from labferry.actions.prune import Pruned, PruneRequest, prune
from labferry.actions.session import open_stores
from labferry.cli.completion import complete_destinations, complete_sources
from labferry.cli.exit_codes import exit_codes
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say, tell
from labferry.cli.params import DURATION
from labferry.retention import Decision, series_of
from labferry.sdk import ExitCode, Stray, redact
from labferry.sdk.settings import format_duration

_EXAMPLES = examples(
    "labferry prune --dry-run     # what would be removed or kept, and why",
    "labferry prune nas           # one destination",
    "labferry prune --strays      # also unfinished files and uploads",
)


@click.command(
    "prune",
    short_help="Remove archives that retention does not keep.",
    epilog=exit_codes("prune") + _EXAMPLES,
)
@click.argument(
    "destinations", nargs=-1, metavar="[DESTINATION]...", shell_complete=complete_destinations
)
@config_option
@click.option(
    "--source",
    default="",
    metavar="NAME",
    shell_complete=complete_sources,
    help="Only archives of this source.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed; remove nothing.")
@click.option("--strays", is_flag=True, help="Also remove what was begun and never finished.")
@click.option(
    "--stray-age",
    type=DURATION,
    default="1d",
    show_default=True,
    metavar="AGE",
    help="Minimum age of what --strays removes.",
)
@click.option(
    "--clock-is-right",
    is_flag=True,
    help="Remove even if the clock jumped by weeks since the last run. Only if the time is right.",
)
@output_options
def command(  # noqa: PLR0913 - one for each option
    output: Output,
    destinations: tuple[str, ...],
    config_path: Path | None,
    source: str,
    stray_age: timedelta,
    *,
    dry_run: bool,
    strays: bool,
    clock_is_right: bool,
) -> int:
    """Remove the archives that the retention of their destination does not keep.

    Never removes the last good archive of anything, files that are not labferry's, archives of a
    series whose newest sync failed, or archives that the storage holds. Shows what is kept, and
    why.
    """
    request = PruneRequest(
        destinations, source, dry_run, strays, stray_age, clock_is_right=clock_is_right
    )
    results = []
    for pruned in prune(open_stores(config_path), request):
        results.append(pruned)
        if not output.as_json:
            _print(output, pruned, request)
    code = _exit_code(results)
    if output.as_json:
        problems = [{"message": redact(text)} for each in results for text in _problems(each)]
        content = {"dry_run": dry_run, "destinations": [_entry(each) for each in results]}
        print_document("prune", code, content, problems)
    return code


def _exit_code(results: Sequence[Pruned]) -> int:
    failures = [pruned.problem.exit_code for pruned in results if pruned.problem is not None]
    kept = [r.problem for pruned in results for r in pruned.removals if r.problem is not None]
    return ExitCode.combine(
        [*failures, *(ExitCode.PARTIAL for _ in kept)],
        any_succeeded=len(failures) < len(results),
    )


def _problems(pruned: Pruned) -> Iterator[str]:
    for removal in pruned.removals:
        if removal.problem is not None:
            yield f"{pruned.destination}: {removal.key} can't be removed: {removal.problem}"
    if pruned.problem is not None:
        yield f"{pruned.destination}: {pruned.problem}"


def _print(output: Output, pruned: Pruned, request: PruneRequest) -> None:
    if output.is_talkative or (request.dry_run and not output.is_quiet):
        for line in _lines(pruned, request):
            say(line)
    if not output.is_quiet:
        for note in pruned.notes:
            tell(f"{pruned.destination}: {note}", logging.INFO, destination=pruned.destination)
    for problem in _problems(pruned):
        tell(problem, destination=pruned.destination)


def _lines(pruned: Pruned, request: PruneRequest) -> Iterator[str]:
    held = {removal.key: (removal.held,) for removal in pruned.removals if removal.held}
    failed = {removal.key for removal in pruned.removals if removal.problem is not None} | {*held}
    word = "would remove" if request.dry_run else "removed"
    for series, group in groupby(pruned.decisions, lambda each: series_of(each.archive)):
        yield f"{pruned.destination}: {series}"
        for decision in group:
            archive = decision.archive
            fate = "kept" if decision.keep or archive.key in failed else word
            why = ", ".join((*decision.reasons, *held.get(archive.key, ())))
            yield f"  {fate:<12}  {archive.manifest.archive_id}  {why}".rstrip()
    yield from _stray_lines(pruned, request, word)
    gone = sum(not (each.keep or each.archive.key in failed) for each in pruned.decisions)
    done = "would be removed" if request.dry_run else "removed"
    yield f"{pruned.destination}: {len(pruned.decisions) - gone} kept, {gone} {done}."


def _stray_lines(pruned: Pruned, request: PruneRequest, word: str) -> Iterator[str]:
    for stray in pruned.strays:
        fate = word if stray in pruned.doomed else "left"
        since = f"  since {stray.since:%Y-%m-%d %H:%M} UTC" if stray.since else ""
        yield f"  {fate:<12}  {stray.key}  {stray.kind}{since}"
    if pruned.strays and not request.strays:
        age = format_duration(request.stray_age)
        yield f"  --strays removes those that are unfinished and older than {age}."


def _entry(pruned: Pruned) -> dict[str, object]:
    gone = {each.key for each in pruned.removals if each.problem is None and not each.held}
    return {
        "destination": pruned.destination,
        "archives": [_archive(decision, gone) for decision in pruned.decisions],
        "strays": [_stray(pruned, stray, gone) for stray in pruned.strays],
        "notes": pruned.notes,
    }


def _archive(decision: Decision, gone: set[str]) -> dict[str, object]:
    archive, series = decision.archive, series_of(decision.archive)
    return {
        "archive_id": archive.manifest.archive_id,
        "key": archive.key,
        "size": archive.size,
        "submitted": archive.manifest.job.submitted,
        "source": series.source,
        "series": series.name,
        "format": series.format,
        "keep": decision.keep,
        "reasons": decision.reasons,
        "removed": archive.key in gone,
    }


def _stray(pruned: Pruned, stray: Stray, gone: set[str]) -> dict[str, object]:
    return {
        "kind": stray.kind,
        "key": stray.key,
        "size": stray.size,
        "since": stray.since,
        "keep": stray not in pruned.doomed,
        "removed": stray.key in gone,
    }
