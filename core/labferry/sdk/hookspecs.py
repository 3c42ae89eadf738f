"""The hooks that a plugin implements: functions of these names, marked with `hookimpl`."""

from collections.abc import Sequence
from typing import Any

import pluggy

from labferry.sdk.observer import Observer
from labferry.sdk.report import RunReport, RunStarted
from labferry.sdk.sink import Receipt, Sink
from labferry.sdk.source import Source

__all__ = [
    "PROJECT",
    "hookimpl",
    "labferry_archive_stored",
    "labferry_observers",
    "labferry_run_finished",
    "labferry_run_started",
    "labferry_sinks",
    "labferry_sources",
]

PROJECT = "labferry"
"""pluggy's project name, and the entry-point group under which plugins are found."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def labferry_sinks() -> Sequence[type[Sink[Any]]]:
    """The kinds of destination that the plugin offers."""
    return ()


@hookspec
def labferry_sources() -> Sequence[type[Source[Any]]]:
    """The kinds of source that the plugin offers."""
    return ()


@hookspec
def labferry_observers() -> Sequence[type[Observer[Any]]]:
    """The kinds of observer with settings of their own that the plugin offers."""
    return ()


@hookspec
def labferry_run_started(run: RunStarted) -> None:
    """Told once at the beginning of a run, before any server is asked for anything."""


@hookspec
def labferry_archive_stored(receipt: Receipt) -> None:
    """Told after a destination has an archive and the ledger knows it."""


@hookspec
def labferry_run_finished(report: RunReport) -> None:
    """Called once at the end of a run, or if none could begin.

    An exception here is a warning, never a failed backup. It is not called if another run is
    at work.
    """
