"""A verb that ended with an error: what is reported, and what the process exits with."""

import io
import logging
from collections.abc import Sequence
from dataclasses import asdict

import click

from labferry.cli.logs import LogFormat, is_started, is_text, start_logging
from labferry.cli.output import print_document, say, tell
from labferry.config import InvalidConfigError
from labferry.sdk import ExitCode, JsonValue, LabferryError, redact

_log = logging.getLogger(__name__)


def report_failure(
    error: Exception, command: str, *, as_json: bool, as_json_lines: bool = False
) -> int:
    """Tell of an error on stderr, and on stdout where a JSON document was asked for.

    Args:
        error: What ended the verb.
        command: The verb; empty where none was named.
        as_json: Whether stdout is to be one JSON document.
        as_json_lines: Whether stderr is to be JSON lines, even if no verb came to read its options.

    Returns:
        The exit code.
    """
    if as_json_lines and not is_started():
        start_logging(logging.WARNING, LogFormat.JSON)
    code, problems = _judge(error)
    if isinstance(error, click.ClickException) and is_text():
        usage = io.StringIO()
        error.show(file=usage)
        for line in usage.getvalue().splitlines():
            say(line, to_stderr=True)
    else:
        text, *lines = _lines(error)
        tell(text, logging.ERROR, lines)
        if not isinstance(error, LabferryError | click.ClickException | click.Abort):
            _log.debug("Where it happened:", exc_info=error)
    if as_json:
        print_document(command, code, {}, problems)
    return code


def _judge(error: Exception) -> tuple[int, Sequence[dict[str, JsonValue]]]:
    if isinstance(error, InvalidConfigError):
        return error.exit_code, [_mistake(asdict(problem)) for problem in error.problems]
    if isinstance(error, LabferryError):
        return error.exit_code, [{"message": redact(error.message), "hint": redact(error.hint)}]
    if isinstance(error, click.ClickException):
        return error.exit_code, [{"message": redact(error.format_message())}]
    code = ExitCode.INTERRUPTED if isinstance(error, click.Abort) else ExitCode.FAILED
    return code, [{"message": redact(" ".join(_lines(error)))}]


def _mistake(problem: dict[str, object]) -> dict[str, JsonValue]:
    """A mistake in the configuration, under the names that every problem has."""
    line, column = problem["line"], problem["column"]
    return {
        "message": redact(str(problem["message"])),
        "hint": redact(str(problem["suggestion"])),
        "file": str(problem["file"]),
        "line": line if isinstance(line, int) else None,
        "column": column if isinstance(column, int) else None,
        "key": redact(str(problem["key"])),
    }


def _lines(error: Exception) -> Sequence[str]:
    if isinstance(error, InvalidConfigError) and len(error.problems) > 1:
        mistakes = [f"  {problem}" for problem in error.problems]
        return [f"The configuration has {len(mistakes)} mistakes:", *mistakes]
    if isinstance(error, LabferryError):
        return [str(error)]
    if isinstance(error, click.ClickException):
        return [error.format_message()]
    if isinstance(error, click.Abort):
        return ["Stopped."]
    if isinstance(error, OSError):
        return [f"The system refused: {error}."]
    what = f"{type(error).__name__}: {error}"
    return [f"Unexpected error: {what}. Please report it together with the output of -vv."]
