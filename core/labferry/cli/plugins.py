"""`labferry plugins`."""

from dataclasses import asdict

import click

from labferry.cli.options import Output, output_options
from labferry.plugins import Plugin, load_plugins

__all__ = ["command"]


@click.command("plugins")
@output_options
def command(output: Output) -> int:
    """List the installed plugins: what they offer, where they come from, whether they work."""
    found = load_plugins().found
    if output.as_json:
        listed = [{**asdict(p), "state": "broken" if p.problem else "ok"} for p in found]
        output.document("plugins", {"plugins": listed})
    else:
        for plugin in found:
            _print(plugin)
    return 0


def _print(plugin: Plugin) -> None:
    offers = [
        *(f"destination {kind}" for kind in plugin.sinks),
        *(f"source {kind}" for kind in plugin.sources),
    ]
    state = f"broken: {plugin.problem}" if plugin.problem else ", ".join(offers) or "observer"
    click.echo(f"{plugin.name:<12} {plugin.distribution} {plugin.version}: {state}")
