"""`labferry init`."""

from pathlib import Path

import click

from labferry.actions.init import init
from labferry.cli.options import Output, output_options

__all__ = ["command"]


@click.command("init")
@click.argument(
    "file",
    required=False,
    default="labferry.toml",
    type=click.Path(dir_okay=False, path_type=Path),
)
@output_options
def command(output: Output, file: Path) -> int:
    """Write a commented configuration to begin with [default: labferry.toml]."""
    init(file)
    if output.as_json:
        output.document("init", {"file": str(file)})
    elif output.is_talkative:
        click.echo(f"Wrote {file}. Edit it, then: labferry check -c {file}")
    return 0
