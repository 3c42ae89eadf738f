"""The options that verbs share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from labferry.cli.logs import LogFormat
from labferry.cli.output import Output

ResultT = TypeVar("ResultT")

config_option = click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The configuration [default: $LABFERRY_CONFIG, ./labferry.toml, "
    "the user's configuration folder, /etc/labferry].",
)

_OUTPUT_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    click.option("-v", "--verbose", count=True, help="Show more messages; twice for all."),
    click.option("-q", "--quiet", is_flag=True, help="Show errors only."),
    click.option(
        "--log-format",
        type=click.Choice([form.value for form in LogFormat]),
        default=LogFormat.TEXT.value,
        help="Format of messages on stderr: text, or one JSON object per line.",
    ),
)


def output_options(function: Callable[..., ResultT]) -> Callable[..., ResultT]:
    """Add --json, -v and -q, which reach the function as one `output`."""

    @functools.wraps(function)
    def with_output(
        *, as_json: bool, verbose: int, quiet: bool, log_format: str, **others: object
    ) -> ResultT:
        verbosity = -1 if quiet else verbose
        output = Output(as_json=as_json, verbosity=verbosity, log_format=LogFormat(log_format))
        output.start_logging()
        return function(output=output, **others)

    for option in reversed(_OUTPUT_OPTIONS):
        option(with_output)
    return with_output


def examples(*lines: str) -> str:
    """The end of a verb's help, whose lines are kept as they are.

    Args:
        lines: Commands, each with a remark behind it if need be.
    """
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
