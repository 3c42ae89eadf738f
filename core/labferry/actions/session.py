"""What most verbs begin with: the plugins, and the configuration checked against them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labferry.config import (
    Config,
    Kinds,
    SinkConfig,
    load_config,
    resolve_secrets,
    suggest,
)
from labferry.config.encryption_check import require_encryption
from labferry.plugins import Plugins, load_plugins
from labferry.sdk import ConfigError

Routes = Mapping[str, tuple[str, ...]]
"""For each source, the destinations that its archives go to."""


@dataclass(frozen=True, slots=True)
class Session:
    """A configuration, ready for use.

    Attributes:
        config: The configuration; its secrets could all be resolved.
        plugins: What is installed.
    """

    config: Config
    plugins: Plugins

    def routes(self, names: Sequence[str]) -> Routes:
        """For each source that is asked for, the destinations that its archives go to.

        Args:
            names: Syncs or sources; every sync where there are none.

        Raises:
            ConfigError: A name is neither, or there is no source at all.
        """
        syncs, sources = self.config.syncs, self.config.sources
        if not sources:
            raise ConfigError(
                f"There is nothing to export: {self.config.path} has no [sources.NAME].",
                hint="list, verify, restore and drill work without one. `labferry init` writes an "
                "example of a source.",
            )
        for name in names:
            if name not in syncs and name not in sources:
                known = [*dict.fromkeys([*syncs, *sources])]
                raise ConfigError(
                    f"There is no sync or source {name!r} in {self.config.path}.",
                    hint=suggest(name, known, "syncs and sources"),
                )
        routes: dict[str, tuple[str, ...]] = {}
        for sync_name, sync in syncs.items():
            for source in sync.sources:
                if not names or sync_name in names or source in names:
                    known_route = routes.get(source, ())
                    routes[source] = tuple(dict.fromkeys([*known_route, *sync.destinations]))
        return routes


def kinds(plugins: Plugins) -> Kinds:
    """What the installed plugins offer, as the configuration is checked against it."""
    return Kinds(plugins.sources, plugins.sinks, plugins.broken, plugins.observers, plugins.clashes)


def open_session(path: Path | None) -> Session:
    """Load plugins, configuration and secrets, and look at what the environment says of HTTP.

    Args:
        path: The configuration file, where one was named.

    Raises:
        ConfigError: There are mistakes; all of them are named.
    """
    plugins = load_plugins()
    config = load_config(path, kinds(plugins))
    require_encryption(config)
    resolve_secrets(config)
    # With it comes the HTTP client, whose import is slow.
    from labferry.sdk.http_environment import require_environment  # noqa: PLC0415 - as said

    require_environment()
    return Session(config, plugins)


def open_stores(path: Path | None) -> Session:
    """As `open_session`, but no secret is fetched before it is needed.

    So a destination can be read without the notebook's key, and without what the others need.

    Args:
        path: The configuration file, where one was named.

    Raises:
        ConfigError: There are mistakes; all of them are named.
    """
    plugins = load_plugins()
    return Session(load_config(path, kinds(plugins)), plugins)


def chosen_destinations(config: Config, name: str | None) -> Sequence[SinkConfig]:
    """The destination of that name, or all of them.

    Raises:
        ConfigError: There is none of that name.
    """
    if name is None:
        return tuple(config.destinations.values())
    return (known_destination(config, name),)


def known_destination(config: Config, name: str) -> SinkConfig:
    """The destination of that name.

    Raises:
        ConfigError: There is none; the nearest one is named.
    """
    known = config.destinations
    if name not in known:
        raise ConfigError(
            f"There is no destination {name!r} in {config.path}.",
            hint=suggest(name, [*known], "destinations"),
        )
    return known[name]
