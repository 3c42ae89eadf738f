"""The command line, as `--help` shows it."""

import click

from labferry.cli.main import cli

__all__ = ["command", "commands"]

_WIDTH = 88


def command() -> str:
    """The help of labferry itself."""
    return _help(_whole())


def commands() -> str:
    """A heading and the help of each verb."""
    whole = _whole()
    parts = []
    for name in cli.list_commands(whole):
        verb = cli.get_command(whole, name)
        if verb is not None:
            context = click.Context(verb, info_name=name, parent=whole)
            parts.append(f"## labferry {name}\n\n{_help(context)}")
    return "\n\n".join(parts)


def _whole() -> click.Context:
    return click.Context(cli, info_name="labferry", **cli.context_settings)


def _help(context: click.Context) -> str:
    context.terminal_width = _WIDTH
    return f"```text\n{context.command.get_help(context)}\n```"
