"""The entry point: finds the verb, runs it, and turns failures into messages and exit codes."""

import importlib
import os
import signal
import sys
from collections.abc import Sequence

import click
from typing_extensions import override

from labferry import __version__

__all__ = ["cli", "main"]

_VERBS = ("check", "demo", "init", "plugins", "schema", "sync")


class _Verbs(click.Group):
    """Imports a verb's module only when it is called, so that others start fast."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"labferry.cli.{cmd_name}")
        command: click.Command = module.command
        return command


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with `labferry demo`; then `labferry init`, `labferry check`, `labferry sync`.",
)
@click.version_option(__version__, prog_name="labferry")
def cli() -> None:
    """Verified off-site backups of an RSpace electronic lab notebook."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process."""
    try:
        code = cli.main(args=arguments, prog_name="labferry", standalone_mode=False)
    except click.exceptions.Abort:
        code = 128 + signal.SIGINT
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:  # noqa: BLE001 - told from ours without importing the SDK first
        code = _report(error)
    sys.exit(code if isinstance(code, int) else 0)


def _report(error: Exception) -> int:
    from labferry.sdk import LabferryError, redact  # noqa: PLC0415 - not for `--version`

    if not isinstance(error, LabferryError):
        raise error
    click.echo(f"labferry: {redact(str(error))}", err=True)
    return error.exit_code
