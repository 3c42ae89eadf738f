"""The observers of the configuration at work: each on a thread of its own, never in the way."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pluggy
from typing_extensions import override

from labferry.config import InvalidConfigError, ObserverConfig
from labferry.plugins import Plugins, new_manager, warn_of_observer
from labferry.runtime.plugin_errors import wrap_plugin_error
from labferry.runtime.stop import Stop
from labferry.sdk import LockHeldError, Receipt, RunReport, RunStarted, hookimpl, redact

_log = logging.getLogger(__name__)
_PATIENCE = 60.0
"""Seconds for the observers to come to their end after a run, all of them together."""
_PATIENCE_WHEN_STOPPED = 5.0
_LOOK = 0.05

_Call = tuple[str, dict[str, object]]


@contextmanager
def observing(
    configs: Iterable[ObserverConfig], manager: pluggy.PluginManager, stop: Stop
) -> Iterator[None]:
    """Report what happens meanwhile to the configured observers, and wait for them at the end.

    Args:
        configs: The observers.
        manager: They are registered with it for that time.
        stop: Once the run is to stop, there is little time left for them.
    """
    attendants = [_Attendant(config) for config in configs]
    for attendant in attendants:
        attendant.start()
        manager.register(attendant.messenger)
    try:
        yield
    finally:
        for attendant in attendants:
            manager.unregister(attendant.messenger)
            attendant.queue.put(None)
        _wait(attendants, stop)


def report_not_started(
    error: Exception,
    configs: Iterable[ObserverConfig],
    plugins: Plugins,
    stop: Stop,
    log: Sequence[str] = (),
) -> None:
    """Tell observers that a run could not begin, but where another one is at work: that is well.

    Args:
        error: Why.
        configs: The configured observers.
        plugins: What is installed, which may observe as well.
        stop: Once it is requested, there is little time left for them.
        log: What was logged before.
    """
    if isinstance(error, LockHeldError):
        return
    problem, now = wrap_plugin_error(error, "The run"), datetime.now(UTC)
    mistakes = problem.problems if isinstance(problem, InvalidConfigError) else (problem,)
    report = RunReport(
        run=0,
        started=now,
        ended=now,
        exit_code=problem.exit_code,
        exports=(),
        problems=tuple(redact(str(mistake)) for mistake in mistakes),
        log=tuple(log),
    )
    with observing(configs, plugins.manager, stop):
        plugins.hooks.labferry_run_finished(report=report)


class _Messenger:
    """What is registered with the plugin manager: passes everything on, and never waits."""

    def __init__(self, queue: "SimpleQueue[_Call | None]") -> None:
        self._queue = queue

    @hookimpl
    def labferry_run_started(self, run: RunStarted) -> None:
        self._queue.put(("labferry_run_started", {"run": run}))

    @hookimpl
    def labferry_archive_stored(self, receipt: Receipt) -> None:
        self._queue.put(("labferry_archive_stored", {"receipt": receipt}))

    @hookimpl
    def labferry_run_finished(self, report: RunReport) -> None:
        self._queue.put(("labferry_run_finished", {"report": report}))


class _Attendant(Thread):
    """Makes an observer, tells it everything in order, and closes it."""

    def __init__(self, config: ObserverConfig) -> None:
        super().__init__(name=f"observer {config.name}", daemon=True)
        self.title = f"{config.name} ({config.kind.type})"
        self.doing = "its beginning"
        self.queue: SimpleQueue[_Call | None] = SimpleQueue()
        self.messenger = _Messenger(self.queue)
        self._config = config

    @override
    def run(self) -> None:
        try:
            observer = self._config.kind(self._config.name, self._config.settings)
            manager = new_manager()
            manager.register(observer)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's class does
            warn_of_observer(self.title, self.doing, error)
            return
        while (call := self.queue.get()) is not None:
            self._tell(manager, *call)
        self.doing = "closing"
        try:
            observer.close()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            warn_of_observer(self.title, self.doing, error)

    def _tell(self, manager: pluggy.PluginManager, hook: str, arguments: dict[str, Any]) -> None:
        self.doing = hook
        try:
            getattr(manager.hook, hook)(**arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            warn_of_observer(self.title, hook, error)


def _wait(attendants: Iterable[_Attendant], stop: Stop) -> None:
    began = time.monotonic()
    give_up_at = began + _PATIENCE
    for attendant in attendants:
        while attendant.is_alive() and time.monotonic() < give_up_at:
            attendant.join(_LOOK)
            if stop.requested:
                give_up_at = min(give_up_at, began + _PATIENCE_WHEN_STOPPED)
        if attendant.is_alive():
            _log.warning(
                "labferry no longer waits for the observer %s, which is busy with %s.",
                attendant.title,
                attendant.doing,
            )
