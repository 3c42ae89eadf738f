"""What shells are told when somebody presses the tab key, and the scripts that make them ask."""

import os
from collections.abc import Mapping

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
)
from typing_extensions import override

VARIABLE = "_LABFERRY_COMPLETE"
"""The environment variable by which a shell asks."""
_PROGRAM = "labferry"


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
    click.echo(answer)
    return 0


def _kind(shell: str, root: click.Command) -> ShellComplete:
    return SHELLS[shell](root, {}, _PROGRAM, VARIABLE)
