"""The JSON Schema of the configuration file, for completion and checks in editors."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue, models_json_schema

from labferry.config.fields import SchemaGenerator
from labferry.config.filekeys import NAME_PATTERN, FileSettings
from labferry.config.model import Kinds

_MODE: JsonSchemaMode = "validation"


def json_schema(kinds: Kinds) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the whole file.

    It says what `load_config` says, except for what a schema can't express: whether the names in
    syncs exist, whether `require` can be met, who can read a file with plain secrets in it, and
    what a plugin checks with code of its own.

    Args:
        kinds: What the installed plugins offer; a table's `type` selects among them.
    """
    sections: dict[str, dict[str, type[BaseModel]]] = {
        "sources": {word: kind.Settings for word, kind in kinds.sources.items()},
        "destinations": {word: kind.Settings for word, kind in kinds.sinks.items()},
        "observers": {word: kind.Settings for word, kind in kinds.observers.items()},
    }
    members = [settings for offered in sections.values() for settings in offered.values()]
    models: dict[type[BaseModel], None] = dict.fromkeys([FileSettings, *members])
    references, document = models_json_schema(
        [(model, _MODE) for model in models], schema_generator=SchemaGenerator
    )
    definitions = document["$defs"]
    root = definitions.pop(references[FileSettings, _MODE]["$ref"].rsplit("/", 1)[1])
    properties = root["properties"]
    for section, offered in sections.items():
        choices = [_choice(word, references[settings, _MODE]) for word, settings in offered.items()]
        properties[section]["additionalProperties"] = {"oneOf": choices} if choices else False
    for section in (*sections, "syncs"):
        properties[section]["propertyNames"] = {"pattern": NAME_PATTERN}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "title": "labferry configuration",
        "$defs": definitions,
    }


def _choice(word: str, settings: JsonSchemaValue) -> JsonSchemaValue:
    return {"title": word, **settings, "properties": {"type": {"const": word}}}
