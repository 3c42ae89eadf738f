"""`labferry check`."""

import logging
from pathlib import Path

import click

from labferry.actions.check.check import CheckResult, check
from labferry.actions.session import open_session
from labferry.cli.exit_codes import exit_codes
from labferry.cli.logs import is_text
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say, tell
from labferry.sdk import ExitCode, Severity, redact

_MARKS = {Severity.OK: "ok     ", Severity.WARNING: "warning", Severity.ERROR: "ERROR  "}
_EXAMPLES = examples(
    "labferry check                    # silent if all is well",
    "labferry check -v -c backup.toml  # show everything that was checked",
)


@click.command(
    "check",
    short_help="Would a sync work? Starts no export.",
    epilog=exit_codes("check") + _EXAMPLES,
)
@config_option
@click.option(
    "--accept-new-host-key",
    is_flag=True,
    help="Trust servers seen for the first time; save their host keys.",
)
@output_options
def command(output: Output, config_path: Path | None, *, accept_new_host_key: bool) -> int:
    """Check configuration, plugins, credentials and destinations.

    Asks each source whose account the key belongs to; writes, reads back and deletes a probe at
    each destination. Starts no export.
    """
    results = []
    session = open_session(config_path)
    for result in check(session, accept_new_host_keys=accept_new_host_key):
        results.append(result)
        _print(output, result)
    code = ExitCode.combine(result.exit_code for result in results)
    if output.as_json:
        failures = [result for result in results if result.exit_code]
        problems = [{"message": redact(f"{r.subject}: {r.finding.message}")} for r in failures]
        print_document("check", code, {"results": [*map(_entry, results)]}, problems)
    return code


def _entry(result: CheckResult) -> dict[str, object]:
    return {
        "subject": result.subject,
        "severity": result.finding.severity,
        "message": redact(result.finding.message),
        "exit_code": result.exit_code,
    }


def _print(output: Output, result: CheckResult) -> None:
    severity = result.finding.severity
    is_ok = severity is Severity.OK
    if (is_ok and not output.is_talkative) or (output.is_quiet and not result.exit_code):
        return
    line = f"{result.subject}: {result.finding.message}"
    if is_ok or is_text():
        say(f"{_MARKS[severity]}  {line}", to_stderr=not is_ok)
    else:
        tell(line, logging.WARNING if severity is Severity.WARNING else logging.ERROR)
