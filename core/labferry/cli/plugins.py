"""`labferry plugins`."""

from collections.abc import Iterator
from dataclasses import asdict

import click

from labferry.cli import validate
from labferry.cli.exit_codes import exit_codes
from labferry.cli.options import examples, output_options
from labferry.cli.output import Output, print_document
from labferry.cli.tables import print_table
from labferry.plugins import Plugin, load_plugins

_HEAD = ("TYPE", "KIND", "PLUGIN", "DISTRIBUTION", "STATE")
_EXAMPLES = examples(
    "labferry plugins                    # is a plugin found, and does it work?",
    "labferry plugins --json",
    "labferry plugins validate offsite   # does a destination keep its promises?",
)


@click.group(
    "plugins",
    invoke_without_command=True,
    short_help="List the installed plugins; validate a destination.",
    epilog=exit_codes("plugins") + _EXAMPLES,
)
@output_options
def command(output: Output) -> int | None:
    """List the installed plugins: what they offer, where they come from, whether they work.

    A broken plugin affects a verb only if the configuration needs it.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return None
    found = load_plugins().found
    if output.as_json:
        listed = [{**asdict(p), "state": "broken" if p.problem else "ok"} for p in found]
        print_document("plugins", 0, {"plugins": listed})
    else:
        print_table(_HEAD, [row for plugin in found for row in _rows(plugin)])
    return 0


command.add_command(validate.command)


def _rows(plugin: Plugin) -> Iterator[tuple[str, ...]]:
    state = f"broken: {plugin.problem}" if plugin.problem else "ok"
    end = (plugin.name, f"{plugin.distribution} {plugin.version}", state)
    offers = [
        *((kind, "source") for kind in plugin.sources),
        *((kind, "destination") for kind in plugin.sinks),
        *((kind, "observer") for kind in plugin.observers),
    ]
    for offer in offers or [("-", "-" if plugin.problem else "observer")]:
        yield (*offer, *end)
