"""Tables of keys and fields, from models and dataclasses."""

import inspect
import json
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from from_code.words import Schema, in_words
from labferry.config.fields import SchemaGenerator
from labferry.config.filekeys import FileSettings
from labferry.plugins import load_plugins
from labferry.sdk import Observer, Sink, Source

_ATTRIBUTES = re.compile(r"^Attributes:\n((?:    .*\n|\n)+)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^    (\w+): ((?:.|\n(?!    \w))+)", re.MULTILINE)


def sources() -> str:
    """A heading and the keys of each built-in kind of source."""
    return _kinds("Sources", load_plugins().sources)


def sinks() -> str:
    """A heading and the keys of each built-in kind of destination."""
    return _kinds("Destinations", load_plugins().sinks)


def observers() -> str:
    """A heading and the keys of each built-in kind of observer."""
    return _kinds("Observers", load_plugins().observers)


def file_keys() -> str:
    """The keys that belong to no plugin."""
    return _keys(FileSettings)


def fields(path: str) -> str:
    """The fields of a class, by its dotted path: a model's or a documented dataclass's."""
    module, _, name = path.rpartition(".")
    kind = getattr(import_module(module), name)
    if issubclass(kind, BaseModel):
        return _model_fields(kind)
    return _documented_fields(kind)


def _kinds(word: str, kinds: Mapping[str, type[Sink[Any] | Source[Any] | Observer[Any]]]) -> str:
    plugins = load_plugins()
    if plugins.broken:
        raise ValueError(" ".join(plugins.broken))
    ours = {
        kind
        for plugin in plugins.found
        if plugin.distribution == "labferry"
        for kind in (*plugin.sinks, *plugin.sources, *plugin.observers)
    }
    return "\n\n".join(
        f"## {word} of type {name}\n\n{inspect.getdoc(kind.Settings)}\n\n{_keys(kind.Settings)}"
        for name, kind in kinds.items()
        if name in ours
    )


def _keys(model: type[BaseModel]) -> str:
    schema = model.model_json_schema(schema_generator=SchemaGenerator)
    definitions = schema.get("$defs", {})
    rows = ["| key | value | meaning |", "|---|---|---|"]
    for key, part in schema["properties"].items():
        need = "**required**" if key in schema.get("required", ()) else _default(part)
        rows.append(_row(f"`{key}`", f"{in_words(part, definitions)}; {need}", part))
    return "\n".join(rows)


def _default(part: Schema) -> str:
    default: Any = part.get("default")
    return "optional" if default in (None, []) else f"default `{json.dumps(default)}`"


def _model_fields(model: type[BaseModel]) -> str:
    schema = model.model_json_schema(mode="serialization")
    rows = ["| field | value | meaning |", "|---|---|---|"]
    for key, part in schema["properties"].items():
        rows.append(_row(f"`{key}`", in_words(part, schema.get("$defs", {})), part))
    return "\n".join(rows)


def _row(key: str, value: str, part: Schema) -> str:
    meaning = " ".join(part.get("description", "").split())
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in (key, value, meaning)) + " |"


def _documented_fields(kind: type) -> str:
    listed = _ATTRIBUTES.search(f"{inspect.getdoc(kind)}\n")
    if listed is None:
        raise ValueError(f"{kind.__qualname__} documents no attributes")
    rows = ["| field | meaning |", "|---|---|"]
    for name, meaning in _ATTRIBUTE.findall(listed[1]):
        rows.append(f"| `{name}` | {' '.join(meaning.split())} |")
    return "\n".join(rows)
