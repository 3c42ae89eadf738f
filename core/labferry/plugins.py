"""Finds plugins, one by one: a broken one is named, and fatal only where it is needed."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import pluggy

from labferry.sdk import Sink, Source, hookspecs

__all__ = ["Plugin", "Plugins", "load_plugins"]

KindT = TypeVar("KindT", type[Sink[Any]], type[Source[Any]])


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point in the group `labferry`.

    Attributes:
        name: The entry point's name.
        distribution: The installed distribution that it belongs to.
        version: That distribution's version.
        problem: Why it can't be used; empty when it can.
        sinks: The kinds of destination it offers.
        sources: The kinds of source it offers.
    """

    name: str
    distribution: str
    version: str
    problem: str = ""
    sinks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The plugin and where it comes from, for messages."""
        return f"{self.name} ({self.distribution} {self.version})"


@dataclass(frozen=True, slots=True)
class Plugins:
    """What is installed.

    Attributes:
        found: Every plugin, usable or not, by name.
        sinks: The kinds of destination, by the word used in the configuration.
        sources: The kinds of source, likewise.
        hooks: Calls the observers.
    """

    found: Sequence[Plugin]
    sinks: Mapping[str, type[Sink[Any]]]
    sources: Mapping[str, type[Source[Any]]]
    hooks: pluggy.HookRelay

    @property
    def broken(self) -> Sequence[str]:
        """A sentence for each plugin that can't be used."""
        return [f"Plugin {p.title} can't be used: {p.problem}" for p in self.found if p.problem]


@dataclass(slots=True)
class _Loader:
    manager: pluggy.PluginManager
    owners: dict[tuple[str, str], Plugin] = field(default_factory=dict)
    sinks: dict[str, type[Sink[Any]]] = field(default_factory=dict)
    sources: dict[str, type[Source[Any]]] = field(default_factory=dict)

    def load(self, point: EntryPoint) -> Plugin:
        dist = point.dist
        plugin = Plugin(
            point.name, dist.name if dist else "unknown", dist.version if dist else "unknown"
        )
        try:
            module = point.load()
            sinks = _offered(module, "labferry_sinks")
            sources = _offered(module, "labferry_sources")
            self._refuse_misspelt(module)
            self._take(plugin, "destination", sinks, self.sinks)
            self._take(plugin, "source", sources, self.sources)
            # Two entry points may share a name; the distribution tells them apart.
            self.manager.register(module, name=plugin.title)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's module does wrong
            return _broken(plugin, error)
        return Plugin(
            plugin.name,
            plugin.distribution,
            plugin.version,
            sinks=tuple(kind.type for kind in sinks),
            sources=tuple(kind.type for kind in sources),
        )

    def _refuse_misspelt(self, module: object) -> None:
        known = {name for name in hookspecs.__all__ if name.startswith("labferry_")}
        marker = f"{hookspecs.PROJECT}_impl"
        marked = {n for n, member in inspect.getmembers(module) if getattr(member, marker, None)}
        if unknown := sorted(marked - known):
            raise ValueError(
                f"it implements {', '.join(unknown)}, which is no hook of labferry "
                f"(the hooks are {', '.join(sorted(known))})"
            )

    def _take(
        self, plugin: Plugin, word: str, kinds: Sequence[KindT], into: dict[str, KindT]
    ) -> None:
        for kind in kinds:
            owner = self.owners.get((word, kind.type))
            if owner is not None:
                raise ValueError(f"{owner.title} already offers the {word} type {kind.type!r}")
        for kind in kinds:
            self.owners[word, kind.type] = plugin
            into[kind.type] = kind


def load_plugins(points: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load every installed plugin.

    Args:
        points: The entry points; those of the installed distributions by default.

    Returns:
        What they offer. A plugin that can't be imported, misspells a hook or offers a type that
        another one offered before is listed with its problem, and nothing of it is used.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    loader = _Loader(manager)
    installed = entry_points(group=hookspecs.PROJECT) if points is None else points
    found = [loader.load(point) for point in sorted(installed, key=_order)]
    return Plugins(found, loader.sinks, loader.sources, manager.hook)


def _order(point: EntryPoint) -> tuple[str, str]:
    return point.name, point.dist.name if point.dist else ""


def _offered(module: object, hook: str) -> Sequence[Any]:
    function = getattr(module, hook, None)
    return () if function is None else tuple(function())


def _broken(plugin: Plugin, error: Exception) -> Plugin:
    reason = str(error) or type(error).__name__
    if not isinstance(error, ValueError):
        reason = f"{type(error).__name__}: {reason}"
    return Plugin(plugin.name, plugin.distribution, plugin.version, problem=f"{reason}.")
