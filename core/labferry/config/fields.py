"""The JSON Schema of settings: for editors, and to say which keys are known where."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema

from labferry.config.problems import KeyPath
from labferry.sdk.settings import format_duration


class SchemaGenerator(GenerateJsonSchema):
    """Durations as people write them; a type without a JSON Schema accepts anything."""

    def encode_default(self, dft: object) -> object:
        """A default value as the file would have it."""
        if isinstance(dft, timedelta):
            return format_duration(dft)
        return super().encode_default(dft)

    def handle_invalid_for_json_schema(
        self,
        schema: CoreSchema,  # noqa: ARG002 - pydantic calls it with this
        error_info: str,  # noqa: ARG002 - as above
    ) -> JsonSchemaValue:
        """No editor help for this field is better than none for the whole file."""
        return {}


class Fields:
    """Which keys a model has, at any depth.

    Args:
        model: The settings.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def names(self, path: KeyPath) -> list[str]:
        """The keys of the table at a path."""
        return list(dict.fromkeys(key for node in self._at(path) for key in _properties(node)))

    def description(self, path: KeyPath) -> str:
        """What the key at a path is for; empty if nobody said."""
        *table, key = path
        nodes = (_properties(node).get(str(key), {}) for node in self._at(tuple(table)))
        text = next((node["description"] for node in nodes if "description" in node), "")
        return " ".join(text.split())

    @cached_property
    def _schema(self) -> JsonSchemaValue:
        return self._model.model_json_schema(schema_generator=SchemaGenerator)

    def _at(self, path: KeyPath) -> Iterable[JsonSchemaValue]:
        nodes = [*self._alternatives(self._schema)]
        for part in path:
            inner = [_child(node, part) for node in nodes]
            nodes = [found for node in inner for found in self._alternatives(node)]
        return nodes

    def _alternatives(self, node: JsonSchemaValue) -> Iterator[JsonSchemaValue]:
        yield node
        if "$ref" in node:
            yield from self._alternatives(self._schema["$defs"][node["$ref"].rsplit("/", 1)[1]])
        for word in ("allOf", "anyOf", "oneOf"):
            for member in node.get(word, ()):
                yield from self._alternatives(member)


def _properties(node: JsonSchemaValue) -> dict[str, JsonSchemaValue]:
    properties: dict[str, JsonSchemaValue] = node.get("properties", {})
    return properties


def _child(node: JsonSchemaValue, part: str | int) -> JsonSchemaValue:
    child: Any = (
        node.get("items")
        if isinstance(part, int)
        else _properties(node).get(part, node.get("additionalProperties"))
    )
    return child if isinstance(child, dict) else {}
