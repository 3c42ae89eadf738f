"""Finds plugins, one by one: a broken one is named, and fatal only where it is needed."""

import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

import pluggy

from labferry.sdk import (
    LabferryError,
    Observer,
    ObserverSettings,
    PluginError,
    Sink,
    SinkSettings,
    Source,
    SourceSettings,
    hookspecs,
    redact,
)

_log = logging.getLogger(__name__)
_OWN = "labferry"
"""The distribution whose plugins are built in."""

_HOOKS = frozenset(name for name in hookspecs.__all__ if name.startswith("labferry_"))
_OFFERS = frozenset({"labferry_observers", "labferry_sinks", "labferry_sources"})
_TOLD = _HOOKS - _OFFERS

_Hooks = Mapping[str, Callable[..., Any]]
_Bases = tuple[type[Any], type[SinkSettings | SourceSettings | ObserverSettings]]


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
        observers: The kinds of observer with settings that it offers.
    """

    name: str
    distribution: str
    version: str
    problem: str = ""
    sinks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    observers: tuple[str, ...] = ()

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
        observers: The kinds of observer with settings, likewise.
        manager: Knows everybody who gets reports; the configured observers are
            registered with it for as long as a run takes.
        clashes: For a section of the configuration and a type that several plugins offer, what is
            wrong and what to do. The first of them has the type: labferry's own comes before all
            others.
    """

    found: Sequence[Plugin]
    sinks: Mapping[str, type[Sink[Any]]]
    sources: Mapping[str, type[Source[Any]]]
    observers: Mapping[str, type[Observer[Any]]]
    manager: pluggy.PluginManager
    clashes: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def hooks(self) -> pluggy.HookRelay:
        """Calls the observers. One that raises is named in a warning; the others are called."""
        relay: pluggy.HookRelay = self.manager.hook
        return relay

    @property
    def broken(self) -> Sequence[str]:
        """A sentence for each plugin that can't be used."""
        return [f"Plugin {p.title} can't be used: {p.problem}" for p in self.found if p.problem]


@dataclass(slots=True)
class _Loader:
    manager: pluggy.PluginManager
    objects: list[tuple[object, Plugin]] = field(default_factory=list)
    owners: dict[tuple[str, str], Plugin] = field(default_factory=dict)
    clashes: dict[tuple[str, str], str] = field(default_factory=dict)
    sinks: dict[str, type[Sink[Any]]] = field(default_factory=dict)
    sources: dict[str, type[Source[Any]]] = field(default_factory=dict)
    observers: dict[str, type[Observer[Any]]] = field(default_factory=dict)

    def load(self, point: EntryPoint) -> Plugin:
        plugin = Plugin(point.name, *_origin(point))
        try:
            return self._load(plugin, point.load())
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's module does
            return replace(plugin, problem=_reason(error))

    def _load(self, plugin: Plugin, found: object) -> Plugin:
        """Everything that can fail comes first: of a plugin that can't be used, nothing is."""
        self._refuse_second(found)
        hooks = _implemented(self.manager, found, _HOOKS)
        sinks = _offered(hooks, "labferry_sinks", (Sink, SinkSettings))
        sources = _offered(hooks, "labferry_sources", (Source, SourceSettings))
        observers = _offered(hooks, "labferry_observers", (Observer, ObserverSettings))
        for kind in observers.values():
            _check_observer(kind)
        kinds = {"destination": sinks, "source": sources, "observer": observers}
        taken = [*self._taken(plugin, kinds)]
        if taken:
            raise PluginError("; ".join(taken))
        self.manager.register(_observers(plugin, hooks))
        self.objects.append((found, plugin))
        self.sinks |= sinks
        self.sources |= sources
        self.observers |= observers
        for word, offered in kinds.items():
            self.owners |= dict.fromkeys(((word, kind) for kind in offered), plugin)
        return replace(
            plugin, sinks=tuple(sinks), sources=tuple(sources), observers=tuple(observers)
        )

    def _refuse_second(self, found: object) -> None:
        for known, owner in self.objects:
            if known is found:
                raise PluginError(f"{owner.title} is the same plugin")

    def _taken(self, plugin: Plugin, kinds: Mapping[str, Iterable[str]]) -> Iterator[str]:
        """What of a plugin's types others have. A configuration must not name those."""
        for word, offered in kinds.items():
            for kind in offered:
                owner = self.owners.get((word, kind))
                if owner is not None:
                    self.clashes[f"{word}s", kind] = (
                        f"{owner.title} and {plugin.title} both offer it. "
                        f"Uninstall one: pip uninstall {plugin.distribution}"
                    )
                    yield f"{owner.title} already offers the {word} type {kind!r}"


def load_plugins(points: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load every installed plugin.

    Args:
        points: The entry points; those of the installed distributions by default.

    Returns:
        What they offer. A plugin that can't be imported, misspells a hook or offers a type that
        another one offered before is listed with its problem, and nothing of it is used.
    """
    manager = new_manager()
    loader = _Loader(manager)
    installed = entry_points(group=hookspecs.PROJECT) if points is None else points
    found = [loader.load(point) for point in sorted(installed, key=_order)]
    return Plugins(found, loader.sinks, loader.sources, loader.observers, manager, loader.clashes)


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows the hooks, and nobody who implements them."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def warn_of_observer(title: str, doing: str, error: BaseException) -> None:
    """Tell that an observer failed: a warning, whatever it did."""
    what = str(error) if isinstance(error, LabferryError) else f"{type(error).__name__}: {error}"
    _log.warning("The observer %s failed in %s: %s", title, doing, redact(what))


def _implemented(manager: pluggy.PluginManager, found: object, known: frozenset[str]) -> _Hooks:
    """The functions of a plugin, or the methods of an observer, that are hooks."""
    hooks: dict[str, Callable[..., Any]] = {}
    for name in dir(found):
        options = manager.parse_hookimpl_opts(found, name)
        if options is not None:
            hooks[options.get("specname") or name] = getattr(found, name)
        elif name in known:
            raise PluginError(f"its {name} is not marked with labferry.sdk.hookimpl")
    if unknown := sorted(hooks.keys() - known):
        raise PluginError(
            f"it implements {', '.join(unknown)}, which is no hook of labferry "
            f"(the hooks are {', '.join(sorted(known))})"
        )
    if not hooks:
        raise PluginError(f"it implements no hook (the hooks are {', '.join(sorted(known))})")
    return hooks


def _check_observer(kind: type[Observer[Any]]) -> None:
    manager = new_manager()
    try:
        _implemented(manager, kind, _TOLD)
        manager.register(kind)
    except (PluginError, pluggy.PluginValidationError) as error:
        raise PluginError(f"its class {kind.__name__} is no observer: {error}") from None


def _order(point: EntryPoint) -> tuple[bool, str, str, str, str]:
    """Labferry's own come first: whoever comes later can't take over their types."""
    distribution, version = _origin(point)
    return distribution != _OWN, point.name, distribution, version, point.value


def _origin(point: EntryPoint) -> tuple[str, str]:
    """Distribution and version; an uninstallation that broke off leaves some without."""
    try:
        name, version = (point.dist.name, point.dist.version) if point.dist else (None, None)
    except Exception:  # noqa: BLE001 - each version of Python raises something else here
        name, version = None, None
    return name or "unknown", version or "unknown"


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    if not isinstance(error, PluginError):
        kind = type(error).__name__
        text = f"{kind}: {text}" if text else kind
    return f"{text}."


def _offered(hooks: _Hooks, hook: str, bases: _Bases) -> dict[str, Any]:
    """The classes that a hook returns, by type."""
    returned = hooks[hook]() if hook in hooks else ()
    if not isinstance(returned, Sequence) or isinstance(returned, str):
        raise PluginError(f"its {hook} returned {returned!r}, not a sequence of classes")
    kinds: dict[str, Any] = {}
    for kind in returned:
        _check_kind(kind, hook, bases)
        if kind.type in kinds:
            raise PluginError(f"its {hook} returned the type {kind.type!r} twice")
        kinds[kind.type] = kind
    return kinds


def _check_kind(kind: object, hook: str, bases: _Bases) -> None:
    base, settings = bases
    if not isinstance(kind, type) or not issubclass(kind, base):
        raise PluginError(f"its {hook} returned {kind!r}, which is no subclass of {base.__name__}")
    word = getattr(kind, "type", None)
    if not isinstance(word, str) or not word:
        raise PluginError(f"its class {kind.__name__} has no type, the word for the configuration")
    keys = getattr(kind, "Settings", None)
    if not isinstance(keys, type) or not issubclass(keys, settings):
        raise PluginError(
            f"its class {kind.__name__} has no Settings that is a subclass of {settings.__name__}"
        )
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        raise PluginError(f"its class {kind.__name__} lacks {', '.join(missing)}")


def _observers(plugin: Plugin, hooks: _Hooks) -> ModuleType:
    """The plugin's observers, each kept from failing a backup or another observer."""
    guarded = ModuleType(plugin.title)
    for name, function in hooks.items():
        if name not in _OFFERS:
            setattr(guarded, name, _guarded(plugin, name, function))
    return guarded


def _guarded(plugin: Plugin, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def guarded(*arguments: object) -> object:
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001 - the run and the other observers go on
            warn_of_observer(plugin.title, name, error)
            return None

    return guarded
