"""`labferry init`."""

from pathlib import Path

import click

from labferry.actions.init import init
from labferry.cli.options import examples, output_options
from labferry.cli.output import Output, print_document

__all__ = ["command"]

_EXAMPLES = examples("labferry init", "labferry init ~/.config/labferry/labferry.toml")


@click.command("init", short_help="Write a configuration to begin with.", epilog=_EXAMPLES)
@click.argument(
    "file",
    required=False,
    default="labferry.toml",
    type=click.Path(dir_okay=False, path_type=Path),
)
@output_options
def command(output: Output, file: Path) -> int:
    """Write a commented configuration to begin with into FILE [default: labferry.toml].

    A file that is there already is not touched.
    """
    init(file)
    if output.as_json:
        print_document("init", 0, {"file": str(file.absolute())})
    elif output.is_talkative:
        click.echo(f"Wrote {file}. Edit it, then: labferry check -c {file}")
    return 0
