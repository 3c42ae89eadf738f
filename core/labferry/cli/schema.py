"""`labferry schema`."""

import json
import sys

import click

from labferry.actions.session import kinds
from labferry.cli.exit_codes import exit_codes
from labferry.cli.options import examples
from labferry.config import json_schema
from labferry.plugins import load_plugins

_EXAMPLES = examples(
    "labferry schema > labferry.schema.json",
    "then begin labferry.toml with the line:  #:schema labferry.schema.json",
    "labferry schema --output     # what --json and --log-format json print",
)


@click.command(
    "schema",
    short_help="Print the configuration's JSON Schema.",
    epilog=exit_codes("schema") + _EXAMPLES,
)
@click.option(
    "--output", "of_output", is_flag=True, help="Print the JSON Schema of the output instead."
)
def command(*, of_output: bool) -> int:
    """Print the JSON Schema of the configuration, for the plugins installed here.

    Editors with TOML support use it to complete and check the file as it is written.
    """
    if of_output:
        # It needs every verb's types, and nothing else does.
        from labferry.cli.documents import output_schema  # noqa: PLC0415

        schema = output_schema()
    else:
        schema = json_schema(kinds(load_plugins()))
    click.echo(json.dumps(schema, indent=2), file=sys.stdout)
    return 0
