"""`labferry init`."""

import logging
import shlex
from pathlib import Path

import click

from labferry.actions.init import init
from labferry.actions.systemd.write import write_units
from labferry.cli.exit_codes import exit_codes
from labferry.cli.invocation import typed
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say, tell

_EXAMPLES = examples(
    "labferry init                  # then edit it, and: labferry check",
    "labferry init ~/.config/labferry/labferry.toml",
    "labferry init --systemd units  # to review before you use them",
    "labferry init --systemd -c /etc/labferry/labferry.toml /etc/systemd/system",
)


@click.command(
    "init", short_help="Write a configuration to begin with.", epilog=exit_codes("init") + _EXAMPLES
)
@click.argument("path", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@config_option
@click.option(
    "--systemd",
    "systemd",
    is_flag=True,
    help="Write labferry.service and labferry.timer for the configuration into the folder FILE.",
)
@output_options
def command(output: Output, path: Path | None, config_path: Path | None, *, systemd: bool) -> int:
    """Write a commented configuration to begin with into FILE [default: labferry.toml].

    With --systemd, write the units that run your configuration every night into the folder FILE
    [default: this one]. Existing files are not touched.
    """
    if systemd:
        return _write_units(output, path or Path(), config_path)
    if config_path is not None:
        raise click.UsageError(
            "--config works with --systemd only. Name the file to write as FILE, without --config."
        )
    file = path or Path("labferry.toml")
    init(file)
    if output.as_json:
        print_document("init", 0, {"files": [str(file.absolute())], "notes": []})
    elif output.is_talkative:
        say(f"Wrote {file}. Edit it, then: {typed()} check -c {shlex.quote(str(file))}")
    return 0


def _write_units(output: Output, folder: Path, config_path: Path | None) -> int:
    written = write_units(folder, config_path)
    if output.as_json:
        files = [str(file) for file in written.files]
        print_document("init", 0, {"files": files, "notes": written.notes})
        return 0
    if not output.is_quiet:
        for note in written.notes:
            tell(note, logging.INFO)
    if output.is_talkative:
        places = " ".join(shlex.quote(str(file)) for file in written.files)
        say(f"Wrote {places}. Look at them; then, from /etc/systemd/system:")
        say("  systemctl daemon-reload")
        say("  systemctl start labferry.service")
        say("  systemctl enable --now labferry.timer")
    return 0
