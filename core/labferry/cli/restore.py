"""`labferry restore`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from labferry.actions.restore.restore import Place, Restored, restore
from labferry.actions.session import open_stores
from labferry.cli.completion import complete_archives, complete_destinations, complete_sources
from labferry.cli.exit_codes import exit_codes
from labferry.cli.identities import identities_option, secrets_in
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say
from labferry.cli.params import MOMENT
from labferry.cli.progress import progress_bars
from labferry.cli.signals import stop_on_signals
from labferry.copies.select import LATEST, ArchiveQuery
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.runtime.units import show_moment, show_size
from labferry.sdk import ConfigError
from labferry.sdk.zips import show_name

_EXAMPLES = examples(
    "labferry restore latest --source chem --to /srv/restored",
    "labferry restore latest --source chem --before 2026-03-01 --to chem.zip",
    "labferry restore 20260102T030405Z-chem-23 --from offsite --to chem --extract",
)


@click.command(
    "restore",
    short_help="Restore an archive and verify it.",
    epilog=exit_codes("restore") + _EXAMPLES,
)
@click.argument("archive", shell_complete=complete_archives)
@config_option
@click.option(
    "--to",
    "path",
    required=True,
    metavar="PATH",
    help="The file to write, or a folder to write it into; with --extract, a new folder.",
)
@click.option(
    "--from",
    "origin",
    metavar="DESTINATION",
    shell_complete=complete_destinations,
    help="Only from this destination.",
)
@click.option(
    "--source",
    metavar="NAME",
    shell_complete=complete_sources,
    help="Only archives of this source.",
)
@click.option("--before", type=MOMENT, help="Only archives taken before that time: 2026-03-01, 7d.")
@click.option("--extract", is_flag=True, help="Unpack it into the new folder PATH.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option(
    "--trust-destination",
    is_flag=True,
    help="Restore a copy even if this machine's ledger says that a different one was stored.",
)
@identities_option
@output_options
def command(  # noqa: PLR0913 - one for each option
    output: Output,
    archive: str,
    config_path: Path | None,
    *,
    path: str,
    origin: str | None,
    source: str | None,
    before: datetime | None,
    identity_files: Sequence[Path],
    extract: bool,
    force: bool,
    trust_destination: bool,
) -> int:
    """Restore an archive from the first destination that has a good copy.

    ARCHIVE is an id as `labferry list` shows it, the beginning of one, or `latest` with --source.
    labferry compares every byte with the manifest before the archive appears under its name. Run
    the same command again to resume an interrupted restore.
    """
    if extract and force:
        raise click.UsageError("--force is for files; --extract needs a new or empty folder.")
    if before is not None and archive != LATEST:
        raise click.UsageError(f"--before is for {LATEST} only; {archive!r} is one archive.")
    if path.endswith("/") and not extract and not Path(path).is_dir():
        raise ConfigError(f"There is no folder {path} to restore to.", hint="Make it first.")
    session = open_stores(config_path)
    stop = Stop()
    stop_on_signals(stop)
    progress = Progress()
    with progress_bars(progress, wanted=output.has_bars):
        restored = restore(
            session,
            ArchiveQuery(archive, source, before, origin, trusting=trust_destination),
            Place(Path(path), extract=extract, overwrite=force),
            stop,
            identities=secrets_in(identity_files),
            progress=progress,
        )
    _print(output, restored)
    return 0


def _print(output: Output, restored: Restored) -> None:
    if output.as_json:
        problems = [{"message": problem} for problem in restored.problems]
        print_document("restore", 0, {"restored": asdict(restored)}, problems)
    elif not output.is_quiet:
        say(_line(restored))
        for renamed in restored.renamed:
            say(f"  {show_name(renamed.name)} is now {show_name(renamed.path)}")


def _line(restored: Restored) -> str:
    size, taken = show_size(restored.size), show_moment(restored.taken)
    whose = f", work of {restored.names}" if restored.names else ""
    what = f"{restored.archive_id}{whose} ({size}, taken {taken} UTC)"
    if restored.destination is None:
        return f"{what} was here already, and is correct: {restored.path}"
    if restored.files is None:
        return f"{what} restored from {restored.destination}: {restored.path}"
    text = f"{what} restored from {restored.destination}: {restored.files} files in {restored.path}"
    count = len(restored.renamed)
    return f"{text}. {count} could not keep their names:" if count else text
