"""`labferry check`: would a sync work? Nothing is exported."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labferry.actions.check.permissions import check_permissions
from labferry.actions.session import Session
from labferry.config import ObserverConfig, SinkConfig, SourceConfig
from labferry.config.encryption_check import check_encryption
from labferry.ledger import existing_ledger
from labferry.runtime.lock import run_lock
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.sdk import ExitCode, Finding, LabferryError, LockHeldError, Severity


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found out about one thing.

    Attributes:
        subject: The thing, e.g. `destination nas`.
        finding: What was found.
        exit_code: What the process should exit with because of it; 0 where it is no error.
    """

    subject: str
    finding: Finding
    exit_code: int = 0


def check(session: Session, *, accept_new_host_keys: bool = False) -> Iterator[CheckResult]:
    """Look at the configuration, the state folder, every source, destination and observer.

    Args:
        session: The configuration.
        accept_new_host_keys: Whether to trust, from now on, hosts that are met for the first time.
    """
    config = session.config
    yield CheckResult("configuration", Finding(Severity.OK, f"{config.path} has no mistakes."))
    for message in (*config.warnings, *config.notices, *session.plugins.broken):
        yield CheckResult("configuration", Finding(Severity.WARNING, message))
    yield from _check_state(session)
    for subject, finding in check_permissions(config):
        yield CheckResult(subject, finding)
    for name, source in config.sources.items():
        yield from _gather(f"source {name}", source, lambda plugin: plugin.check())
    for sink in config.destinations.values():
        results = _check_destination(sink, accept_new_host_keys=accept_new_host_keys)
        yield from results if sink.settings.required else map(_softened, results)
    for name, observer in config.observers.items():
        results = _gather(f"observer {name}", observer, lambda plugin: plugin.check())
        yield from map(_softened, results)


def _check_state(session: Session) -> Iterator[CheckResult]:
    folder = session.config.state_dir
    try:
        with run_lock(folder):
            _look_at_ledger(folder)
            finding = Finding(Severity.OK, f"{folder} can be used.")
    except LockHeldError as error:
        finding = Finding(Severity.OK, f"{folder} is in use. {error.message}")
    except LabferryError as error:
        yield _failure("state folder", error)
        return
    yield CheckResult("state folder", finding)


def _look_at_ledger(state_dir: Path) -> None:
    """Find out whether a run could use it; nothing is mended.

    Raises:
        StateError: A newer labferry wrote it, it can't be used, or it is damaged.
    """
    with existing_ledger(state_dir):
        pass


def _check_destination(config: SinkConfig, *, accept_new_host_keys: bool) -> Iterator[CheckResult]:
    subject = f"destination {config.name}"
    if accept_new_host_keys:
        yield from _gather(subject, config, lambda sink: sink.accept_new_host_keys())
    yield from _gather(subject, config, lambda sink: sink.check())
    encrypt = config.settings.encrypt
    if encrypt is not None:
        yield from _gather(subject, config, lambda _: check_encryption(encrypt))


def _gather(
    subject: str,
    config: SourceConfig | SinkConfig | ObserverConfig,
    look: Callable[[Any], Iterator[Finding]],
) -> Iterator[CheckResult]:
    try:
        with closing(config.kind(config.name, config.settings)) as plugin:
            for finding in look(plugin):
                code = ExitCode.FAILED if finding.severity is Severity.ERROR else ExitCode.OK
                yield CheckResult(subject, finding, code)
    except Exception as error:  # noqa: BLE001 - a stranger's plugin must not end the check
        yield _failure(subject, wrap_plugin_error(error, "Its plugin"))


def _softened(result: CheckResult) -> CheckResult:
    """What an observer, or a destination that is not required, does wrong: to `sync`, a warning."""
    if result.finding.severity is not Severity.ERROR:
        return result
    return replace(result, finding=replace(result.finding, severity=Severity.WARNING), exit_code=0)


def _failure(subject: str, error: LabferryError) -> CheckResult:
    return CheckResult(subject, Finding(Severity.ERROR, str(error)), error.exit_code)
