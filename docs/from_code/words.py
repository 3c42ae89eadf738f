"""What a JSON Schema allows, in words."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from labferry.sdk import Duration, Secret

Schema = Mapping[str, Any]

_TIME = TypeAdapter(Duration).json_schema()
_SECRET = TypeAdapter(Secret).json_schema()
_PLAIN = {"boolean": "true or false", "number": "number", "string": "text", "object": "table"}


def in_words(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    """The values that a schema allows, as a table of the reference says it."""
    if "$ref" in schema:
        return in_words(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"`{json.dumps(value)}`" for value in values)
    if schema.get("pattern") == _TIME["pattern"]:
        return "[time](#times)"
    if schema.get("oneOf") == _SECRET["oneOf"]:
        return "[secret](#secrets)"
    if "anyOf" in schema:
        members = [part for part in schema["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(in_words(part, definitions) for part in members))
    return _by_type(schema, definitions)


def _by_type(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    match schema.get("type"):
        case "string" if schema.get("format") == "path":
            return "path"
        case "string" if schema.get("format") == "date-time":
            return "date and time"
        case "array":
            return f"list of {in_words(schema.get('items', {}), definitions)}"
        case "integer":
            return "whole number" + _least(schema)
        case str(kind):
            return _PLAIN[kind]
    return "any"


def _least(schema: Schema) -> str:
    if "exclusiveMinimum" in schema:
        return f", more than {schema['exclusiveMinimum']}"
    return f", at least {schema['minimum']}" if "minimum" in schema else ""
