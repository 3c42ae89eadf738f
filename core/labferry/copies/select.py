"""Which archive somebody means, and where its copies are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from labferry.config import SinkConfig
from labferry.encryption import hidden_series
from labferry.sdk import ConfigError, Names, NotFoundError, StoredArchive

LATEST = "latest"
"""The word for the newest archive of a source."""

_NAMED = 10


@dataclass(frozen=True, slots=True)
class ListedCopy:
    """One archive at one destination.

    Attributes:
        config: The destination.
        stored: The archive, as the destination lists it.
    """

    config: SinkConfig
    stored: StoredArchive

    @property
    def archive_id(self) -> str:
        """The archive's name."""
        return self.stored.manifest.archive_id

    @property
    def taken(self) -> datetime:
        """When its export was asked for: the state of the notebook that it holds."""
        return self.stored.manifest.job.submitted


@dataclass(frozen=True, slots=True)
class ArchiveQuery:
    """What somebody asked for.

    Attributes:
        archive: An archive's id, the beginning of one, or `latest`.
        source: Only archives of this source; None for all.
        before: Only archives that were asked of the server before this moment; None for all.
        origin: The only destination whose copies to take; None for all.
        trusting: Whether a copy is used although the ledger here knows better.
    """

    archive: str
    source: str | None = None
    before: datetime | None = None
    origin: str | None = None
    trusting: bool = False

    def __str__(self) -> str:
        source = f" of source {self.source}" if self.source else ""
        before = f" before {self.before:%Y-%m-%d %H:%M %Z}" if self.before else ""
        place = f" at {self.origin}" if self.origin else ""
        return f"{self.archive!r}{source}{before}{place}"


def copies_of(
    destinations: Iterable[SinkConfig], stored: Mapping[str, Sequence[StoredArchive]]
) -> Sequence[ListedCopy]:
    """Everything that was listed, in the order of the configuration."""
    return [
        ListedCopy(config, archive)
        for config in destinations
        for archive in stored.get(config.name, ())
    ]


def newest(copies: Iterable[ListedCopy]) -> ListedCopy | None:
    """The copy of the newest archive; the first one of several."""
    return max(copies, key=lambda copy: (copy.taken, copy.archive_id), default=None)


def series_key(copy: ListedCopy) -> tuple[str, str]:
    """The source and the series of a copy: the same whether a destination encrypts it or not."""
    manifest = copy.stored.manifest
    is_hidden = manifest.encryption is not None
    series = manifest.source.series if is_hidden else hidden_series(manifest.source)
    return manifest.source.name, series


def choose(
    copies: Sequence[ListedCopy], query: ArchiveQuery, whose: Callable[[ListedCopy], Names]
) -> Sequence[ListedCopy]:
    """All copies of the one archive that is meant, in the order in which to try them.

    Args:
        copies: Everything that is stored.
        query: What is asked for.
        whose: Whose work a copy holds, to name it in a message.

    Raises:
        NotFoundError: There is no such archive.
        ConfigError: Several can be meant.
    """
    allowed = [copy for copy in copies if _is_allowed(copy, query)]
    if query.archive == LATEST:
        identity = _latest(allowed, query, whose)
    else:
        identity = _matching({copy.archive_id for copy in allowed}, query)
    return [copy for copy in allowed if copy.archive_id == identity]


def _is_allowed(copy: ListedCopy, query: ArchiveQuery) -> bool:
    source = copy.stored.manifest.source.name
    return (query.source is None or source == query.source) and (
        query.before is None or copy.taken < query.before
    )


def _matching(known: set[str], query: ArchiveQuery) -> str:
    if query.archive in known:
        return query.archive
    found = sorted(identity for identity in known if identity.startswith(query.archive))
    if not found:
        raise _nothing(query)
    if len(found) > 1:
        raise ConfigError(
            f"{len(found)} archives begin with {query.archive!r}: {_some(found)}.",
            hint="Give more of the archive's id.",
        )
    return found[0]


def _latest(
    copies: Sequence[ListedCopy], query: ArchiveQuery, whose: Callable[[ListedCopy], Names]
) -> str:
    by_series: dict[tuple[str, str], list[ListedCopy]] = {}
    for copy in copies:
        by_series.setdefault(series_key(copy), []).append(copy)
    latest = [found for each in by_series.values() if (found := newest(each))]
    if not latest:
        raise _nothing(query)
    if len(latest) > 1:
        sources = sorted({source for source, _ in by_series})
        hint = f"Choose one of the sources with --source: {_some(sources)}."
        if len(sources) == 1:
            named = sorted(_named(copy.archive_id, whose(copy)) for copy in latest)
            hint = f"Name the archive. The latest of each series: {_some(named)}."
        raise ConfigError(f"More than one series has {query}.", hint=hint)
    return latest[0].archive_id


def _named(archive_id: str, names: Names) -> str:
    return f"{archive_id} ({names})" if names else archive_id


def _nothing(query: ArchiveQuery) -> NotFoundError:
    return NotFoundError(
        f"No archive {query} is stored.", hint="`labferry list` shows what there is."
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
