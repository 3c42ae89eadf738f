"""What belongs together: archives of which a later one replaces an earlier one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from labferry.sdk import StoredArchive


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """What archives have in common of which a later one replaces an earlier one.

    Attributes:
        source: The source's name in the configuration.
        name: What was exported.
        format: The format that was asked for; empty for the source's usual one.
    """

    source: str
    name: str
    format: str

    def __str__(self) -> str:
        what = f"{self.source}: {self.name}"
        return f"{what} ({self.format})" if self.format else what


def series_of(stored: StoredArchive) -> Series:
    """The series of an archive, from its manifest."""
    origin = stored.manifest.source
    return Series(origin.name, origin.series, str(origin.parameters.get("format") or ""))


def moment_of(stored: StoredArchive) -> datetime:
    """When an archive was asked of the server, UTC: what its age is counted from."""
    return stored.manifest.job.submitted.astimezone(UTC)


def by_series(archives: Iterable[StoredArchive]) -> Mapping[Series, Sequence[StoredArchive]]:
    """The archives of each series, newest first; the series in alphabetical order."""
    groups: dict[Series, list[StoredArchive]] = {}
    for stored in archives:
        groups.setdefault(series_of(stored), []).append(stored)
    return {
        series: sorted(groups[series], key=_age_order, reverse=True) for series in sorted(groups)
    }


def _age_order(stored: StoredArchive) -> tuple[datetime, str, str]:
    return (moment_of(stored), stored.manifest.archive_id, stored.key)
