"""The options that verbs share, and what follows from them."""

import functools
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from typing_extensions import override

from labferry.sdk import redact

__all__ = ["Output", "config_option", "output_options"]

ResultT = TypeVar("ResultT")

_CHATTY = ("httpx", "httpcore")
"""Libraries whose log lines hold whole addresses, signatures included."""

config_option = click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The configuration [default: $LABFERRY_CONFIG, ./labferry.toml, "
    "the user's configuration folder, /etc/labferry].",
)


@dataclass(frozen=True, slots=True)
class Output:
    """How to talk to the caller.

    Attributes:
        as_json: Whether stdout is to be one JSON document.
        verbosity: 0 by default, negative for -q, positive for -v.
    """

    as_json: bool
    verbosity: int

    @property
    def is_talkative(self) -> bool:
        """Whether to tell what went well: to a person, or to whoever asked for it."""
        return self.verbosity > 0 or (self.verbosity == 0 and sys.stdout.isatty())

    def document(self, command: str, content: dict[str, Any]) -> None:
        """Print the JSON document of a verb."""
        whole = {"labferry_output": 1, "command": command, **content}
        click.echo(json.dumps(whole, indent=2, default=str))

    def start_logging(self) -> None:
        """Send log lines to stderr, as many as were asked for."""
        handler = logging.StreamHandler()
        handler.setFormatter(_Redacting("%(message)s"))
        logger = logging.getLogger()
        logger.handlers[:] = [handler]
        logger.setLevel(self._level())
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)

    def _level(self) -> int:
        if self.verbosity > 1:
            return logging.DEBUG
        if self.verbosity == 1 or (self.verbosity == 0 and sys.stderr.isatty()):
            return logging.INFO
        return logging.WARNING if self.verbosity == 0 else logging.ERROR


class _Redacting(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        return redact(f"labferry: {level}{super().format(record)}")


_OUTPUT_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    click.option("-v", "--verbose", count=True, help="Tell more; twice for everything."),
    click.option("-q", "--quiet", is_flag=True, help="Tell errors only."),
)


def output_options(function: Callable[..., ResultT]) -> Callable[..., ResultT]:
    """Add --json, -v and -q, which reach the function as one `output`."""

    @functools.wraps(function)
    def with_output(*, as_json: bool, verbose: int, quiet: bool, **others: object) -> ResultT:
        output = Output(as_json, -1 if quiet else verbose)
        output.start_logging()
        return function(output=output, **others)

    for option in reversed(_OUTPUT_OPTIONS):
        option(with_output)
    return with_output
