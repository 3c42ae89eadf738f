"""How well every configured source is kept at each of its destinations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from labferry.config import Config
from labferry.ledger import Ledger
from labferry.sdk import Freshness


def every_route(config: Config) -> Mapping[str, Sequence[str]]:
    """For each source that some sync exports, the destinations that its archives go to."""
    routes: dict[str, dict[str, None]] = {}
    for sync in config.syncs.values():
        for source in sync.sources:
            routes.setdefault(source, {}).update(dict.fromkeys(sync.destinations))
    return {source: tuple(destinations) for source, destinations in routes.items()}


def standings(config: Config, ledger: Ledger | None) -> Sequence[Freshness]:
    """One for each source and each of its destinations, in the order of the configuration.

    Args:
        config: The configuration.
        ledger: The ledger; None if there is none, because nothing was ever stored.
    """
    routes = every_route(config)
    settings = {name: destination.settings for name, destination in config.destinations.items()}
    if ledger is None:
        rows = [Freshness(name, to) for name, route in routes.items() for to in route]
    else:
        every = {
            name: each.verify.every
            for name, each in settings.items()
            if each.verify is not None and each.verify.every is not None
        }
        rows = [*ledger.standings(routes, every)]
    return [replace(row, required=settings[row.destination].required) for row in rows]
