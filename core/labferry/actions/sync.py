"""`labferry sync`: export, verify, deliver."""

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from labferry.actions.session import Routes, Session, kinds, open_session
from labferry.config import load_observers
from labferry.plugins import load_plugins
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.sdk import ConfigError, LabferryError, RunReport
from labferry.sync.observers import report_not_started
from labferry.sync.run import run_sync


@dataclass(frozen=True, slots=True)
class PlannedExport:
    """One export that a sync would ask for.

    Attributes:
        source: The source's name.
        series: What would be exported.
        title: The same for people.
        destinations: Where its archive would go.
    """

    source: str
    series: str
    title: str
    destinations: tuple[str, ...]


def open_sync(path: Path | None) -> Session:
    """Load plugins, configuration and secrets; report to the observers if no run can begin.

    Only observers that have no mistakes themselves hear of it.

    Args:
        path: The configuration file, where one was named.

    Raises:
        ConfigError: There are mistakes; all of them are named.
    """
    try:
        return open_session(path)
    except ConfigError as error:
        plugins = load_plugins()
        # If the file can't be read at all, no observer is known.
        with suppress(ConfigError):
            observers = load_observers(path, kinds(plugins))
            report_not_started(error, observers, plugins, Stop())
        raise


def sync(
    session: Session, routes: Routes, stop: Stop, progress: Progress | None = None
) -> RunReport:
    """Run once.

    Args:
        session: The configuration.
        routes: What to export and where it goes, see `Session.routes`.
        stop: Ends the run early.
        progress: Shows what is going on.

    Raises:
        LockHeldError: Another run is at work.
        StateError: The state folder can't be used.
    """
    return run_sync(session.config, session.plugins, routes, stop, progress)


def preview(
    session: Session, routes: Routes
) -> tuple[Sequence[PlannedExport], Sequence[LabferryError]]:
    """What `sync` would ask the servers for; nothing is started and nothing is written.

    Returns:
        The exports; and why some of what was asked for may be missing from them.

    Raises:
        LabferryError: A server can't be asked what there is.
    """
    planned: list[PlannedExport] = []
    problems: list[LabferryError] = []
    for name, destinations in routes.items():
        config = session.config.sources[name]
        source = config.kind(name, config.settings)
        with closing(source):
            try:
                requests = source.plan(source.lanes())
            except Exception as error:  # noqa: BLE001 - a stranger's source, turned into ours
                raise wrap_plugin_error(error, f"The source {name}") from None
            for problem in source.problems:
                problem.message = f"{name}: {problem.message}"
                problems.append(problem)
        planned += [
            PlannedExport(name, request.series, request.title, destinations) for request in requests
        ]
    return planned, problems
