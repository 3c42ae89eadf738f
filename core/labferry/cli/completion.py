"""`labferry completion`."""

import click
from click.shell_completion import ShellComplete, get_completion_class

from labferry.cli.options import examples

__all__ = ["command"]

_SHELLS = ("bash", "zsh", "fish")
_EXAMPLES = examples(
    "labferry completion bash > /etc/bash_completion.d/labferry",
    "labferry completion zsh > ~/.zfunc/_labferry    # a folder of your $fpath",
    "labferry completion fish > ~/.config/fish/completions/labferry.fish",
)


@click.command("completion", short_help="Print a script that completes commands.", epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> int:
    """Print the script that lets bash, zsh or fish complete labferry's commands.

    Verbs and options are completed, and the names in the configuration: syncs, sources and
    destinations, and the archives that this machine knows of.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    root = click.get_current_context().find_root()
    script = kind(root.command, {}, "labferry", "_LABFERRY_COMPLETE")
    # Which bash is installed here says nothing about where the script is used.
    click.echo(ShellComplete.source(script))
    return 0
