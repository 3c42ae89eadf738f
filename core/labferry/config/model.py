"""A configuration that was found to be right, and what it was checked against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from labferry.config.document import Document
from labferry.sdk.observer import Observer, ObserverSettings
from labferry.sdk.settings import SourceSettings
from labferry.sdk.sink import Sink
from labferry.sdk.sink_settings import SinkSettings
from labferry.sdk.source import Source


@dataclass(frozen=True, slots=True)
class Kinds:
    """What the installed plugins offer.

    Attributes:
        sources: The kinds of source by their `type`.
        sinks: The kinds of destination by their `type`.
        broken: One sentence for each plugin that could not be used: it may be the one that offers
            a type which is not known.
        observers: The kinds of observer by their `type`.
        clashes: For a section and a type that several plugins offer, what is wrong and what to do.
    """

    sources: Mapping[str, type[Source[Any]]]
    sinks: Mapping[str, type[Sink[Any]]]
    broken: Sequence[str] = ()
    observers: Mapping[str, type[Observer[Any]]] = field(default_factory=dict)
    clashes: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One `[sources.NAME]`.

    Attributes:
        name: Its name.
        kind: The class that serves it.
        settings: Its settings, an instance of `kind.Settings`.
    """

    name: str
    kind: type[Source[Any]]
    settings: SourceSettings


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """One `[destinations.NAME]`.

    Attributes:
        name: Its name.
        kind: The class that serves it.
        settings: Its settings, an instance of `kind.Settings`.
    """

    name: str
    kind: type[Sink[Any]]
    settings: SinkSettings


@dataclass(frozen=True, slots=True)
class ObserverConfig:
    """One `[observers.NAME]`.

    Attributes:
        name: Its name.
        kind: The class that serves it.
        settings: Its settings, an instance of `kind.Settings`.
    """

    name: str
    kind: type[Observer[Any]]
    settings: ObserverSettings


@dataclass(frozen=True, slots=True)
class SyncConfig:
    """Which sources go to which destinations.

    Attributes:
        sources: Names of sources, none twice; none at all only where the file has none.
        destinations: Names of destinations, at least one, none twice.
    """

    sources: tuple[str, ...]
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration.

    Attributes:
        path: The file it was read from, absolute.
        state_dir: The folder of the ledger, the lock and, by default, the spool.
        spool_dir: The folder in which archives are staged.
        max_wait: How long one run waits for exports at most; None for as long as they take.
        retry_for: How long a server that can't be reached is tried again, without `max_wait`.
        require: How many destinations must have an archive before it leaves the spool; None for
            all of them.
        sources: The sources by name, in the order of the file.
        destinations: The destinations by name, in the order of the file.
        syncs: The syncs by name; one named `all` where the file has none.
        warnings: What is allowed but unwise, a sentence each with its place in the file.
        document: The file as it was read, for messages that point into it.
        observers: The observers by name, in the order of the file.
        notices: What works, but is written differently today; a sentence each with its place in
            the file. `labferry check` shows them; a nightly sync needs no mail about them.
    """

    path: Path
    state_dir: Path
    spool_dir: Path
    max_wait: timedelta | None
    require: int | None
    sources: Mapping[str, SourceConfig]
    destinations: Mapping[str, SinkConfig]
    syncs: Mapping[str, SyncConfig]
    warnings: tuple[str, ...]
    document: Document = field(repr=False, compare=False)
    observers: Mapping[str, ObserverConfig] = field(default_factory=dict)
    retry_for: timedelta = timedelta(hours=2)
    notices: tuple[str, ...] = ()
