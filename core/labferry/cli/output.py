"""How a verb talks: data to stdout, messages to stderr, as much as was asked for."""

import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from labferry.cli.logs import LogFormat, start_logging, told_line
from labferry.sdk import JsonValue, printable, redact

_COLOURS = {
    "ok": "green",
    "stored": "green",
    "unchanged": "green",
    "incomplete": "yellow",
    "overdue": "yellow",
    "partial": "yellow",
    "pending": "yellow",
    "damaged": "red",
    "failed": "red",
    "never stored": "red",
}


@dataclass(frozen=True, slots=True)
class Output:
    """How to talk to the caller.

    Attributes:
        as_json: Whether stdout is to be one JSON document.
        verbosity: 0 by default, negative for -q, positive for -v.
        log_format: How log lines look.
    """

    as_json: bool
    verbosity: int
    log_format: LogFormat = LogFormat.TEXT

    @property
    def is_talkative(self) -> bool:
        """Whether to tell what went well: to a person, or to whoever asked for it."""
        wanted = self.verbosity > 0 or (self.verbosity == 0 and sys.stdout.isatty())
        return wanted and not self.as_json

    @property
    def is_quiet(self) -> bool:
        """Whether to tell errors only."""
        return self.verbosity < 0

    @property
    def has_bars(self) -> bool:
        """Whether bars are wanted of what goes on, if there is a terminal to draw them on."""
        return not (self.is_quiet or self.as_json)

    def start_logging(self) -> None:
        """Send log lines to stderr, as many as were asked for."""
        start_logging(self._level(), self.log_format)

    def _level(self) -> int:
        if self.verbosity > 1:
            return logging.DEBUG
        if self.verbosity == 1 or (self.verbosity == 0 and sys.stderr.isatty()):
            return logging.INFO
        return logging.WARNING if self.verbosity == 0 else logging.ERROR


class Painted(str):
    """A word of ours that has a colour; nobody else's text is one."""

    __slots__ = ()


def painted(word: str) -> str:
    """A word that says how something stands, in its colour if it has one."""
    return Painted(word) if word in _COLOURS else word


def shown(text: str) -> str:
    """The text as people see it: without secrets, on one line, all of it fit to be printed."""
    return printable(redact(text))


def say(*parts: str, to_stderr: bool = False) -> None:
    """Print a line for people, without secrets and without characters that can't be printed.

    All that labferry prints for people goes through here or through the log, so that a name from
    elsewhere can neither begin a line nor command the terminal. `NO_COLOR` is that of
    https://no-color.org. Where there is no terminal, click takes colours out.

    Args:
        parts: What the line is made of, in turn.
        to_stderr: Whether it is a message; otherwise it is data.
    """
    is_plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    line = "".join(
        click.style(part, fg=_COLOURS[part])
        if isinstance(part, Painted) and not is_plain
        else shown(part)
        for part in parts
    )
    # Without `file`, click would write past the stream if that is of a small encoding.
    click.echo(line, file=sys.stderr if to_stderr else sys.stdout)


def tell(
    message: str, level: int = logging.ERROR, lines: Sequence[str] = (), /, **names: str | None
) -> None:
    """Print a message to stderr, looking as log lines do, however many of those were asked for.

    Args:
        message: What to tell.
        level: `logging.ERROR` for a problem, `WARNING`, or `INFO`.
        lines: More of it, each on a line of its own.
        names: `run`, `source`, `archive`, `destination`: what it is about, where that is known.
    """
    click.echo(told_line(message, level, lines, **names), file=sys.stderr)


def print_document(
    command: str,
    exit_code: int,
    content: Mapping[str, object],
    problems: Iterable[Mapping[str, JsonValue]] = (),
) -> None:
    """Print the JSON document of a verb, which is all that it prints to stdout.

    Args:
        command: The verb.
        exit_code: What the process exits with.
        content: What the verb has to tell.
        problems: What went wrong, each with a `message` at least.
    """
    head = {"labferry_output": 1, "command": command, "exit_code": exit_code}
    whole = {**head, **content, "problems": list(problems)}
    click.echo(json.dumps(whole, indent=2, default=_plain), file=sys.stdout)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
