"""The command line, as `--help` shows it."""

from collections.abc import Iterator

import click

from labferry.cli.main import cli

_WIDTH = 88


def command() -> str:
    """The help of labferry itself."""
    return _help(_whole())


def commands() -> str:
    """A heading and the help of each verb, and of what stands below it."""
    return "\n\n".join(_below(_whole()))


def _below(parent: click.Context) -> Iterator[str]:
    group = parent.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(parent):
        verb = group.get_command(parent, name)
        if verb is not None:
            context = click.Context(verb, info_name=name, parent=parent)
            yield f"## {context.command_path}\n\n{_help(context)}"
            yield from _below(context)


def _whole() -> click.Context:
    return click.Context(cli, info_name="labferry", **cli.context_settings)


def _help(context: click.Context) -> str:
    context.terminal_width = _WIDTH
    return f"```text\n{context.command.get_help(context)}\n```"
