"""`labferry schema`."""

import json

import click

from labferry.actions.session import kinds
from labferry.cli.options import examples
from labferry.config import json_schema
from labferry.plugins import load_plugins

__all__ = ["command"]

_EXAMPLES = examples(
    "labferry schema > labferry.schema.json",
    "then begin labferry.toml with the line:  #:schema labferry.schema.json",
)


@click.command("schema", short_help="Print the configuration's JSON Schema.", epilog=_EXAMPLES)
def command() -> int:
    """Print the JSON Schema of the configuration, for the plugins installed here.

    Editors with TOML support use it to complete and check the file as it is written.
    """
    click.echo(json.dumps(json_schema(kinds(load_plugins())), indent=2))
    return 0
