"""Whose work each series holds, by the names that were given last."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime

from labferry.ledger.store import Store
from labferry.ledger.timestamps import moment, stamp
from labferry.sdk import Manifest, Names
from labferry.sdk.secrets import redact_stored


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Whose work a series holds.

    Attributes:
        names: Their names.
        since: As of when, UTC.
    """

    names: Names
    since: datetime


class SeriesNames:
    """The newest names of each series. May be used from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, source: str, series: str, names: Names, when: datetime) -> None:
        """Note what the people of a series are called now.

        Args:
            source: The source's name in the configuration.
            series: The series, as copies have it.
            names: Their names; if there are none, those that are known stay.
            when: The time.
        """
        self._write(source, series, names, when, "")

    def learn(self, manifest: Manifest, now: datetime) -> None:
        """Learn names from a manifest, unless newer ones are known.

        Args:
            manifest: The manifest.
            now: The time: nothing is known from later.
        """
        origin, when = manifest.source, min(manifest.job.submitted, now)
        newer = " WHERE excluded.since > names.since"
        self._write(origin.name, origin.series, manifest.names, when, newer)

    def of(self, source: str) -> Mapping[str, KnownNames]:
        """The names of every series of a source that has any, by series."""
        rows = self._store.rows(
            "SELECT series, username, full_name, group_name, since FROM names WHERE source = ?",
            source,
        )
        return {series: KnownNames(Names(*names), moment(since)) for series, *names, since in rows}

    def all(self) -> Mapping[tuple[str, str], KnownNames]:
        """The names of every series that has any, by source and series."""
        rows = self._store.rows(
            "SELECT source, series, username, full_name, group_name, since FROM names"
        )
        return {
            (source, series): KnownNames(Names(*names), moment(since))
            for source, series, *names, since in rows
        }

    def _write(
        self, source: str, series: str, names: Names, when: datetime, condition: str
    ) -> None:
        if not names:
            return
        self._store.execute(
            "INSERT INTO names (source, series, username, full_name, group_name, since) "  # noqa: S608 - ours
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET username = excluded.username, "
            "full_name = excluded.full_name, group_name = excluded.group_name, "
            f"since = excluded.since{condition}",
            *redact_stored([source, series, *astuple(names)]),
            stamp(when),
        )
