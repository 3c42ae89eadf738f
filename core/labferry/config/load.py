"""From the file to a configuration, or to everything that is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pydantic_core
from pydantic import BaseModel, ValidationError

from labferry.config.document import Document, read_document
from labferry.config.earlier_keys import earlier_keys
from labferry.config.explain import explain
from labferry.config.filekeys import FileSettings
from labferry.config.find import find_state_dir
from labferry.config.model import (
    Config,
    Kinds,
    ObserverConfig,
    SinkConfig,
    SourceConfig,
    SyncConfig,
)
from labferry.config.problems import InvalidConfigError, KeyPath, Problem, suggest
from labferry.config.references import check_references, unused_names
from labferry.config.secretvalues import can_fetch, plain_secret_warnings

ModelT = TypeVar("ModelT", bound=BaseModel)
KindT = TypeVar("KindT")


def load_config(path: Path | None, kinds: Kinds) -> Config:
    """Read and check a configuration file. No secret is fetched.

    Relative paths in it begin at the folder that it is in.

    Args:
        path: The file; None for the one that is found where configurations are.
        kinds: What its tables can be about.

    Raises:
        InvalidConfigError: It has mistakes; all of them are named.
        ConfigError: It can't be read.
    """
    document = read_document(path)
    checker = _Checker(document)
    file = checker.validate((), FileSettings)
    sources = {
        name: SourceConfig(name, kind, source)
        for name, kind in checker.members("sources", kinds.sources, kinds)
        if (source := checker.validate(("sources", name), kind.Settings)) is not None
    }
    destinations = {
        name: SinkConfig(name, kind, sink)
        for name, kind in checker.members("destinations", kinds.sinks, kinds)
        if (sink := checker.validate(("destinations", name), kind.Settings)) is not None
    }
    observers = {each.name: each for each in checker.observers(kinds)}
    problems = [*checker.problems, *check_references(document)]
    if problems or file is None:
        raise InvalidConfigError(problems)
    return _assemble(document, file, sources, destinations, observers)


def load_observers(path: Path | None, kinds: Kinds) -> Sequence[ObserverConfig]:
    """The observers in a configuration file that can be used, whatever else is wrong with it.

    Their secrets are fetched.

    Args:
        path: The file; None for the one that is found where configurations are.
        kinds: What its tables can be about.

    Raises:
        ConfigError: It can't be read, or is not TOML.
    """
    checker = _Checker(read_document(path))
    return [each for each in checker.observers(kinds) if can_fetch(each)]


class _Checker:
    """Validates tables of a document and gathers what is wrong with them."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.problems: list[Problem] = []

    def validate(self, table: KeyPath, model: type[ModelT]) -> ModelT | None:
        """A table as a model, if it has no mistakes.

        It goes through JSON because there pydantic can be strict (a quoted number is no number)
        and still take a string for a path or a list for a tuple.
        """
        given: Any = self._document.data
        for part in table:
            given = given[part]
        try:
            return model.model_validate_json(
                pydantic_core.to_json(given, inf_nan_mode="constants"),
                strict=True,
                context=self._document.file,
            )
        except ValidationError as error:
            self.problems.extend(explain(self._document, table, model, error))
            return None

    def observers(self, kinds: Kinds) -> Iterator[ObserverConfig]:
        """The observers that have no mistakes."""
        for name, kind in self.members("observers", kinds.observers, kinds):
            settings = self.validate(("observers", name), kind.Settings)
            if settings is not None:
                yield ObserverConfig(name, kind, settings)

    def members(
        self, section: str, known: Mapping[str, KindT], kinds: Kinds
    ) -> Iterator[tuple[str, KindT]]:
        """The tables of a section by name, with what serves them, as far as that is known."""
        tables = self._document.data.get(section)
        for name, table in tables.items() if isinstance(tables, dict) else ():
            if not isinstance(table, dict):
                continue
            kind = self._kind_of((section, name, "type"), table.get("type"), known, kinds)
            if kind is not None:
                yield name, kind

    def _kind_of(
        self, path: KeyPath, word: object, known: Mapping[str, KindT], kinds: Kinds
    ) -> KindT | None:
        if isinstance(word, str) and word in known:
            clash = kinds.clashes.get((str(path[0]), word))
            if clash is not None:
                message = "expected a type that only one installed plugin offers"
                self.problems.append(self._document.problem(path, message, clash))
            return known[word]
        message = "required: the word that names the type"
        if word is not None:
            message = "expected a type that an installed plugin offers"
        hint = suggest(word if isinstance(word, str) else "", sorted(known), "types")
        problem = self._document.problem(path, message, " ".join([hint, *kinds.broken]))
        self.problems.append(problem)
        return None


def _assemble(
    document: Document,
    file: FileSettings,
    sources: Mapping[str, SourceConfig],
    destinations: Mapping[str, SinkConfig],
    observers: Mapping[str, ObserverConfig],
) -> Config:
    state_dir = file.state_dir or find_state_dir()
    syncs = {name: SyncConfig(sync.sources, sync.destinations) for name, sync in file.syncs.items()}
    config = Config(
        path=document.file.path,
        state_dir=state_dir,
        spool_dir=file.spool_dir or state_dir / "spool",
        max_wait=file.max_wait,
        retry_for=file.retry_for,
        require=file.require,
        sources=sources,
        destinations=destinations,
        syncs=syncs or {"all": SyncConfig(tuple(sources), tuple(destinations))},
        warnings=(),
        document=document,
        observers=observers,
    )
    return replace(
        config,
        warnings=(*plain_secret_warnings(config), *unused_names(config)),
        notices=tuple(earlier_keys(config)),
    )
