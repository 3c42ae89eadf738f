"""The entry point: finds the verb, runs it, and turns failures into messages and exit codes."""

import atexit
import difflib
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from itertools import pairwise

import click
from click.shell_completion import CompletionItem
from typing_extensions import override

from labferry import __version__
from labferry.cli.streams import finish_streams, protect_streams
from labferry.runtime.core_files import forbid_core_files

_VERBS = (
    "check",
    "completion",
    "demo",
    "drill",
    "history",
    "init",
    "list",
    "plugins",
    "prune",
    "report",
    "restore",
    "schema",
    "status",
    "sync",
    "verify",
)

_AT_WORK = {"demo", "drill", "init", "prune", "report", "restore", "sync", "verify"}
"""The verbs that do more than to print what they find."""


class _Verbs(click.Group):
    """Imports a verb's module only when it is called, so that others start fast."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    @override
    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(verb) for verb in _VERBS if verb.startswith(incomplete)]

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"labferry.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            # click itself knows only commands that are imported.
            close = difflib.get_close_matches(args[0], _VERBS, n=1)
            if not close:
                raise
            raise click.UsageError(f"{error.message} Did you mean {close[0]!r}?", ctx) from None


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Begin with `labferry demo`; then `labferry init`, `labferry check`, `labferry "
        "sync`. `labferry VERB -h` explains each."
    ),
)
@click.version_option(__version__, prog_name="labferry")
def cli() -> None:
    """Verified off-site backups of electronic lab notebooks: RSpace and eLabFTW."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process."""
    protect_streams()
    forbid_core_files()
    if os.environ.get("_LABFERRY_COMPLETE"):
        from labferry.cli.completion import complete  # noqa: PLC0415 - a run has no use for it

        sys.exit(complete(cli))
    # Else the interpreter searches every object for garbage before it ends: a tenth of a second.
    atexit.register(gc.freeze)
    given = list(sys.argv[1:] if arguments is None else arguments)
    verb = given[0] if given and given[0] in _VERBS else ""
    try:
        code = cli.main(args=given, prog_name="labferry", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody wants a traceback from cron
        # Not imported before it is needed: `--version` and `-h` come at once.
        from labferry.cli.failures import report_failure  # noqa: PLC0415

        as_lines = "--log-format=json" in given or ("--log-format", "json") in pairwise(given)
        as_json = "--json" in given
        code = report_failure(error, verb, as_json=as_json, as_json_lines=as_lines)
    sys.exit(_flushed(verb, code if isinstance(code, int) else 0))


def _flushed(verb: str, code: int) -> int:
    """The exit code, once all output is out.

    Lost output fails a verb that is there to print something. A backup that was made is made.
    """
    problem = finish_streams()
    if problem is None:
        return code
    if not isinstance(problem, BrokenPipeError):
        from labferry.cli.output import tell  # noqa: PLC0415 - as above

        tell(f"The output can't be written: {problem.strerror}.")
        finish_streams()
    return code if verb in _AT_WORK else code or 1
