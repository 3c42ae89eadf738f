"""The contract of an observer with settings: implement `Observer` to get reports of runs."""

import builtins
from collections.abc import Iterator
from typing import ClassVar, Generic, TypeVar

from labferry.sdk.findings import Finding
from labferry.sdk.settings import Settings

__all__ = ["Observer", "ObserverSettings"]


class ObserverSettings(Settings):
    """The keys that every observer has."""

    type: str
    """Which kind of observer this is: the word that a plugin offers."""


SettingsT = TypeVar("SettingsT", bound=ObserverSettings)


class Observer(Generic[SettingsT]):
    """Someone who gets a report of each run.

    A subclass names its `type`, the word used in the configuration, and its `Settings`, and has
    some of the hooks `labferry_run_started`, `labferry_archive_stored` and `labferry_run_finished`
    as methods, each marked with `hookimpl`. One instance serves one `[observers.NAME]` in one
    run; it is made, called in order, and closed on one thread of its own, so it may block for a
    while without holding up a backup. What it raises is a warning. At the end of a run it is
    waited for, but not for longer than a minute.

    Args:
        name: The observer's name in the configuration.
        settings: Its settings, validated.
    """

    type: ClassVar[str]
    Settings: ClassVar[builtins.type[ObserverSettings]]

    def __init__(self, name: str, settings: SettingsT) -> None:
        self.name = name
        self.settings = settings

    def check(self) -> Iterator[Finding]:
        """Find out whether this observer can do its work, without a false alarm or all-clear.

        Yields what is worth telling. Raises the error that its work would meet.
        """
        yield from ()

    def close(self) -> None:
        """Give back connections and the like."""
        return
