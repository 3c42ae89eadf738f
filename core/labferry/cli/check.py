"""`labferry check`."""

from dataclasses import asdict
from pathlib import Path

import click

from labferry.actions.check import CheckResult, check
from labferry.actions.session import open_session
from labferry.cli.options import Output, config_option, output_options
from labferry.sdk import Severity, redact

__all__ = ["command"]

_MARKS = {Severity.OK: "ok     ", Severity.WARNING: "warning", Severity.ERROR: "ERROR  "}


@click.command("check")
@config_option
@output_options
def command(output: Output, config_path: Path | None) -> int:
    """Check configuration, plugins, credentials and destinations.

    Asks each source who we are to it; writes, reads back and deletes a probe at each destination.
    Starts no export.
    """
    results = []
    for result in check(open_session(config_path)):
        results.append(result)
        if not output.as_json:
            _print(output, result)
    if output.as_json:
        output.document("check", {"results": [asdict(result) for result in results]})
    codes = {result.exit_code for result in results} - {0}
    return codes.pop() if len(codes) == 1 else min(codes, default=0)


def _print(output: Output, result: CheckResult) -> None:
    finding = result.finding
    line = redact(f"{_MARKS[finding.severity]}  {result.subject}: {finding.message}")
    if finding.severity is Severity.ERROR:
        click.echo(line, err=True)
    elif finding.severity is Severity.WARNING or output.is_talkative:
        click.echo(line)
