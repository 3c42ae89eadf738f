"""Documents that labferry writes."""

import json

from labferry.cli import documents
from labferry.sdk import Manifest


def manifest_schema() -> str:
    """The JSON Schema of the manifest."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Manifest.model_json_schema(mode="serialization"),
    }
    return _block(schema)


def output_schema() -> str:
    """The JSON Schema of what verbs print."""
    return _block(documents.output_schema())


def _block(schema: object) -> str:
    return f"```json\n{json.dumps(schema, indent=2)}\n```"
