"""`labferry completion`: the scripts for shells, what a shell is answered, and the names offered.

Names come from the configuration and the ledger as they stand: nothing is checked or loaded. A
shell may run what it is offered, so only names without special characters are offered.
"""

import os
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
)
from typing_extensions import override

from labferry.cli.exit_codes import exit_codes
from labferry.cli.options import examples
from labferry.config.find import ConfigPlace, find_config, find_state_dir, open_config
from labferry.ledger import ledger_file
from labferry.ledger.names import archive_ids
from labferry.sdk.errors import ConfigError

VARIABLE = "_LABFERRY_COMPLETE"
"""The environment variable by which a shell asks."""
_PROGRAM = "labferry"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+")
_ARCHIVE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
# What a path, a file and TOML can be wrong with: a home folder of nobody, or arrays too deep, are a
# RuntimeError.
_UNREADABLE = (ConfigError, OSError, RuntimeError, ValueError)
_EXAMPLES = examples(
    "labferry completion bash > /etc/bash_completion.d/labferry",
    "labferry completion zsh > ~/.zfunc/_labferry    # a folder of your $fpath",
    "labferry completion fish > ~/.config/fish/completions/labferry.fish",
)


class _Bash(BashComplete):
    """bash takes `--option=value` for three words, and wants the last of them completed."""

    @override
    def get_completion_args(self) -> tuple[list[str], str]:
        words, incomplete = super().get_completion_args()
        args: list[str] = []
        for word in [*words, incomplete]:
            if args and (word == "=" or args[-1].endswith("=")) and args[-1].startswith("--"):
                args[-1] += word
            else:
                args.append(word)
        return args[:-1], args[-1]


class _OneWord(ShellComplete):
    """A shell that takes `--option=value` for one word, and wants all of it completed."""

    @override
    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        items = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if not equals or not option.startswith("--"):
            return items
        return [CompletionItem(f"{option}={item.value}", item.type, item.help) for item in items]


class _Zsh(_OneWord, ZshComplete):
    pass


class _Fish(_OneWord, FishComplete):
    pass


SHELLS: Mapping[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def script(shell: str, root: click.Command) -> str:
    """The script that makes a shell ask.

    Args:
        shell: One of `SHELLS`.
        root: The whole command line.
    """
    # Which bash is installed here says nothing about where the script is used.
    return ShellComplete.source(_kind(shell, root))


def complete(root: click.Command) -> int:
    """Answer a shell. Whatever goes wrong, nothing is printed into the line that is being typed.

    Args:
        root: The whole command line.

    Returns:
        The exit code.
    """
    try:
        shell = os.environ[VARIABLE].removesuffix("_complete")
        answer = _kind(shell, root).complete()
    except Exception:  # noqa: BLE001 - no message is any use there
        return 1
    click.echo(answer, file=sys.stdout)
    return 0


def _kind(shell: str, root: click.Command) -> ShellComplete:
    return SHELLS[shell](root, {}, _PROGRAM, VARIABLE)


@click.command(
    "completion",
    short_help="Print a script that completes commands.",
    epilog=exit_codes("completion") + _EXAMPLES,
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def command(shell: str) -> int:
    """Print the script that lets bash, zsh or fish complete labferry's commands.

    Completes verbs, options, the names of syncs, sources and destinations in the configuration, and
    the archives that this machine knows of.
    """
    click.echo(script(shell, click.get_current_context().find_root().command), file=sys.stdout)
    return 0


def complete_sources(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The sources."""
    return _beginning(incomplete, _tables(_read(ctx), "sources"))


def complete_destinations(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The destinations, but for those that were named already."""
    return _others(ctx, param, _beginning(incomplete, _tables(_read(ctx), "destinations")))


def complete_syncs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """What `sync` takes: syncs and sources."""
    data = _read(ctx)
    names = [*_tables(data, "syncs"), *_tables(data, "sources")]
    return _others(ctx, param, _beginning(incomplete, dict.fromkeys(names)))


def complete_archives(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """What `restore` takes: the archives that this machine's ledger knows, and `latest`."""
    return [*_beginning(incomplete, ["latest"]), *_archives(ctx, incomplete)]


def complete_proofs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """What `verify` takes: a destination first, and archives."""
    places = [] if _given(ctx, param) else _tables(_read(ctx), "destinations")
    known = [*_beginning(incomplete, places), *_archives(ctx, incomplete)]
    return _others(ctx, param, known)


def _read(ctx: click.Context) -> Mapping[str, Any]:
    """The configuration, empty where there is none that can be read."""
    try:
        place = _place(ctx)
        # A pipe or a terminal would keep who pressed the key waiting.
        if not place.path.is_file():
            return {}
        with os.fdopen(open_config(place), encoding="utf-8-sig") as file:
            return tomllib.loads(file.read())
    except _UNREADABLE:
        return {}


def _place(ctx: click.Context) -> ConfigPlace:
    """The configuration, where one was named or is where it belongs.

    Raises:
        ConfigError: There is none.
    """
    named = ctx.params.get("config_path")
    if not isinstance(named, Path):
        return find_config(None)
    # The shell hands over the line as it was typed.
    return find_config(Path(os.path.expandvars(named)).expanduser())


def _archives(ctx: click.Context, incomplete: str) -> Sequence[str]:
    given = _read(ctx).get("state_dir")
    try:
        folder = (
            _place(ctx).path.parent / Path(given).expanduser()
            if isinstance(given, str)
            else find_state_dir()
        )
        known = archive_ids(ledger_file(folder), incomplete)
        return [name for name in known if _ARCHIVE_ID.fullmatch(name)]
    except _UNREADABLE:
        return []


def _tables(data: Mapping[str, Any], section: str) -> Iterable[str]:
    """The names of a section's tables, but for those that no shell could be handed as they are."""
    tables = data.get(section)
    names = tables if isinstance(tables, dict) else ()
    return [name for name in names if _PLAIN_NAME.fullmatch(name)]


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _others(ctx: click.Context, param: click.Parameter, names: list[str]) -> list[str]:
    return [name for name in names if name not in _given(ctx, param)]


def _given(ctx: click.Context, param: click.Parameter) -> tuple[str, ...]:
    """What was typed before, where there can be several."""
    value = ctx.params.get(param.name or "")
    return value if isinstance(value, tuple) else ()
