"""`labferry verify`."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click

from labferry.actions.session import Session, open_stores
from labferry.actions.verify.results import VerifyRequest, VerifyResult, VerifyState
from labferry.actions.verify.verify import verify
from labferry.cli.completion import complete_proofs, complete_sources
from labferry.cli.exit_codes import exit_codes
from labferry.cli.identities import identities_option, secrets_in
from labferry.cli.options import config_option, examples, output_options
from labferry.cli.output import Output, print_document, say, tell
from labferry.cli.progress import progress_bars
from labferry.cli.signals import stop_on_signals
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.runtime.units import show_size
from labferry.sdk import ExitCode, LabferryError, StoppedError, redact

_EXAMPLES = examples(
    "labferry verify                   # read back everything, everywhere",
    "labferry verify nas --quick       # sizes and the storage's own checksums",
    "labferry verify nas 20260102T030405Z-chem-23 --repair",
    "labferry verify --chain           # was anything removed, replaced, edited?",
)


@click.command(
    "verify",
    short_help="Read stored copies back and compare them.",
    epilog=exit_codes("verify") + _EXAMPLES,
)
@click.argument(
    "names", nargs=-1, metavar="[DESTINATION] [ARCHIVE]...", shell_complete=complete_proofs
)
@config_option
@click.option(
    "--source",
    metavar="NAME",
    shell_complete=complete_sources,
    help="Only archives of this source.",
)
@click.option("--quick", is_flag=True, help="Compare only sizes and the storage's checksums.")
@click.option("--contents", is_flag=True, help="Also open the archives and test what is in them.")
@click.option("--chain", is_flag=True, help="Check the chain of manifests, not the archives.")
@click.option("--repair", is_flag=True, help="Replace bad copies with good ones from elsewhere.")
@click.option(
    "--adopt",
    is_flag=True,
    help="Trust archives that another machine of yours stored.",
)
@identities_option
@output_options
def command(  # noqa: PLR0913 - one for each option
    output: Output,
    names: tuple[str, ...],
    config_path: Path | None,
    *,
    source: str | None,
    identity_files: Sequence[Path],
    quick: bool,
    contents: bool,
    chain: bool,
    repair: bool,
    adopt: bool,
) -> int:
    """Read back every byte at DESTINATION, or at all of them; compare it with the manifests.

    ARCHIVE is an id as `labferry list` shows it, or the beginning of one. Needs no source and no
    key of the notebook. Without --repair, bad copies stay as they are. --repair takes a good copy
    from another destination, verifies it here, and only then replaces the bad one.
    """
    if quick and contents:
        raise click.UsageError("--contents reads every byte; --quick none.")
    session = open_stores(config_path)
    destination, archives = _split(session, names)
    request = VerifyRequest(
        destination=destination,
        archives=archives,
        source=source,
        quick=quick,
        contents=contents,
        chain=chain,
        repair=repair,
        identities=tuple(secrets_in(identity_files)),
        adopt=adopt,
    )
    stop = Stop()
    stop_on_signals(stop)
    results: list[VerifyResult] = []
    failure = None
    progress = Progress()
    try:
        with progress_bars(progress, wanted=output.has_bars):
            for result in verify(session, request, stop, progress):
                results.append(result)
                _print(output, result)
    except LabferryError as error:
        failure = error
        tell(str(error))
    code = stop.exit_code if stop.requested else _exit_code(results, failure)
    _finish(output, results, failure, code)
    if isinstance(failure, StoppedError):
        # Threads that were in the middle of something must not outlive the report.
        sys.stdout.flush()
        os._exit(code)
    return code


def _split(session: Session, names: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """The destination, if the first name is one's, and the archives."""
    if names and (names[0] in session.config.destinations or not names[0][:1].isdigit()):
        return names[0], names[1:]
    return None, names


def _exit_code(results: Sequence[VerifyResult], failure: LabferryError | None) -> int:
    ended = [] if failure is None else [failure.exit_code]
    return ExitCode.combine([*ended, *(result.exit_code for result in _last(results))])


def _last(results: Sequence[VerifyResult]) -> Iterator[VerifyResult]:
    """What was found of each copy in the end: a repair comes after what it was for."""
    last = {
        (result.destination, result.archive_id): number
        for number, result in enumerate(results)
        if result.is_repairable or result.state in {VerifyState.REPAIRED, VerifyState.GOOD}
    }
    for number, result in enumerate(results):
        end = last.get((result.destination, result.archive_id), number)
        # A good copy makes up neither for a broken chain nor for another archive with its id.
        is_chain = result.state is VerifyState.BROKEN
        if end <= number or is_chain:
            yield result


def _print(output: Output, result: VerifyResult) -> None:
    if result.problem is not None:
        tell(str(result.problem))
    elif output.is_talkative:
        # On a terminal it has to go above the bars, which only stderr can.
        say(_line(result), to_stderr=sys.stdout.isatty() and sys.stderr.isatty())


def _line(result: VerifyResult) -> str:
    if result.state is VerifyState.NOTE:
        return f"{result.destination}: {result.message}"
    size = "" if result.size is None else f" ({show_size(result.size)})"
    how = f", {result.checked}" if result.checked else ""
    opened = ", opened" if result.contents else ""
    return f"{result.destination}: {result.archive_id}{size}: {result.state}{how}{opened}"


def _finish(
    output: Output, results: Sequence[VerifyResult], failure: LabferryError | None, code: int
) -> None:
    if output.as_json:
        problems = [result.problem for result in _last(results) if result.problem] + (
            [failure] if failure else []
        )
        problems_found = [{"message": redact(p.message), "hint": redact(p.hint)} for p in problems]
        print_document(
            "verify", code, {"results": [_entry(result) for result in results]}, problems_found
        )
    elif output.is_talkative:
        found = [result.state for result in _last(results) if result.archive_id]
        counts = {
            state: found.count(state) for state in VerifyState if state is not VerifyState.NOTE
        }
        count_texts = [f"{count} {state}" for state, count in counts.items() if count]
        if count_texts or not results:
            say(f"Copies: {', '.join(count_texts) or 'none'}.")


def _entry(result: VerifyResult) -> dict[str, object]:
    problem = None if result.problem is None else redact(str(result.problem))
    plain = asdict(replace(result, problem=None))
    return {**plain, "problem": problem, "exit_code": result.exit_code}
