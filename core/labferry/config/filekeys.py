"""The keys of the file that belong to no plugin."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.types import JsonValue

from labferry.sdk.settings import Duration, FilePath, Settings

NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?$"
"""Names of sources, destinations, syncs and observers: safe in file names and commands."""


def _check_name(name: str) -> str:
    if re.fullmatch(NAME_PATTERN, name):
        return name
    raise ValueError(
        'a name of 1 to 64 letters, digits, "-" and "_", beginning with a letter or digit '
        'and not ending with "-"'
    )


def _check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) == len(names):
        return names
    raise ValueError("each name only once")


Name = Annotated[str, AfterValidator(_check_name)]
Names = Annotated[
    tuple[str, ...],
    Field(min_length=1, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_check_distinct),
]


class SyncSettings(Settings):
    """Which sources go to which destinations, under a name."""

    sources: Names
    """The names of the sources to export."""

    destinations: Names
    """The names of the destinations that get all of their archives."""


class FileSettings(Settings):
    """What labferry exports, and where it stores it."""

    state_dir: FilePath | None = None
    """The folder of the ledger, the lock and the spool. Without it: $STATE_DIRECTORY, which
    systemd sets, else the user's state folder. A relative path begins at this file's folder."""

    spool_dir: FilePath | None = None
    """The folder that keeps an archive until every destination has it. Without it: `spool` in the
    state folder."""

    max_wait: Duration | None = None
    """The longest time that one run waits for exports, such as "20h"; the next run continues with
    what is not finished by then. Without it: as long as the exports take."""

    retry_for: Duration = timedelta(hours=2)
    """How long a run tries a notebook server again, with growing pauses, while the server is down,
    restarting or refuses connections. Each answer of the server restarts this time. If `max_wait`
    is set, the run tries until `max_wait` is over instead."""

    require: Annotated[int, Field(ge=1)] | None = None
    """How many destinations must have an archive before it leaves the spool. Without it: all."""

    sources: Annotated[dict[Name, dict[str, JsonValue]], Field(default_factory=dict, min_length=1)]
    """What to export: one table [sources.NAME] for each account on a notebook server. Not needed if
    you only restore."""

    destinations: Annotated[dict[Name, dict[str, JsonValue]], Field(min_length=1)]
    """Where to store it: one table [destinations.NAME] for each place."""

    syncs: Annotated[dict[Name, SyncSettings], Field(default_factory=dict)]
    """Which sources go where: tables [syncs.NAME]. Without any, every source goes to every
    destination."""

    observers: Annotated[dict[Name, dict[str, JsonValue]], Field(default_factory=dict)]
    """Who gets a report of each run: one table [observers.NAME] for each."""
