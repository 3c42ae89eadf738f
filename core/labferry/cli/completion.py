"""`labferry completion`."""

import click

from labferry.cli.exit_codes import exit_codes
from labferry.cli.options import examples
from labferry.cli.shells import SHELLS, script

_EXAMPLES = examples(
    "labferry completion bash > /etc/bash_completion.d/labferry",
    "labferry completion zsh > ~/.zfunc/_labferry    # a folder of your $fpath",
    "labferry completion fish > ~/.config/fish/completions/labferry.fish",
)


@click.command(
    "completion",
    short_help="Print a script that completes commands.",
    epilog=exit_codes("completion") + _EXAMPLES,
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def command(shell: str) -> int:
    """Print the script that lets bash, zsh or fish complete labferry's commands.

    Verbs and options are completed, and the names in the configuration: syncs, sources and
    destinations, and the archives that this machine knows of.
    """
    click.echo(script(shell, click.get_current_context().find_root().command))
    return 0
