"""How well every configured source is kept at each of its destinations."""

from collections.abc import Mapping, Sequence

from labferry.config import Config
from labferry.ledger import FreshnessRow, Ledger


def every_route(config: Config) -> Mapping[str, Sequence[str]]:
    """For each source that some sync exports, the destinations that its archives go to."""
    routes: dict[str, dict[str, None]] = {}
    for sync in config.syncs.values():
        for source in sync.sources:
            routes.setdefault(source, {}).update(dict.fromkeys(sync.destinations))
    return {source: tuple(destinations) for source, destinations in routes.items()}


def standings(config: Config, ledger: Ledger) -> Sequence[FreshnessRow]:
    """One for each source and destination, in the order of the configuration."""
    return ledger.standings(every_route(config))
