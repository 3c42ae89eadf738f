"""pydantic's findings as problems in plain words."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from labferry.config.document import Document, holds
from labferry.config.fields import Fields
from labferry.config.problems import KeyPath, Problem, suggest
from labferry.sdk.secrets import redact

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "enum": "{expected}",
    "finite_number": "a finite number",
    "float_type": "a number",
    "frozen_set_type": "a list, in square brackets",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list, in square brackets",
    "literal_error": "{expected}",
    "model_attributes_type": "a table",
    "model_type": "a table",
    "set_type": "a list, in square brackets",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "{max_length} or fewer characters",
    "string_too_short": "{min_length} or more characters",
    "string_type": "a string, in quotes",
    "too_long": "{max_length} or fewer entries",
    "too_short": "{min_length} or more entries",
    "tuple_type": "a list, in square brackets",
    "union_tag_invalid": "one of {expected_tags}",
    "url_parsing": "an address (URL): {error}",
    "url_scheme": "an address that begins with {expected_schemes}",
    "url_type": "an address (URL) as a string, in quotes",
}
_PYDANTIC_OPENING = re.compile(r"Value error, |Assertion failed, |Input should (be |have )?")
_SENTENCE = re.compile(r"[A-Z](?![A-Z])")
_SHOWN_LENGTH = 4


def explain(
    document: Document, table: KeyPath, model: type[BaseModel], error: ValidationError
) -> Iterator[Problem]:
    """Everything that a model does not accept in one table of the document.

    What the members of a union expect at the same key becomes one problem.
    """
    fields = Fields(model)
    given = _inside(document.data, table)
    expected: dict[KeyPath, list[str]] = {}
    for found in error.errors(include_input=False, include_url=False):
        path = _path_in(given, found)
        if found["type"] == "missing":
            yield _missing(document, table, path, fields)
        elif found["type"] == "extra_forbidden":
            known = fields.names(path[:-1])
            yield document.problem(
                (*table, *path), "unknown key", suggest(str(path[-1]), known, "keys")
            )
        else:
            texts = expected.setdefault(path, [])
            texts.append(_expectation(found, _inside(given, path)))
    for path, texts in expected.items():
        yield document.problem((*table, *path), _join(texts))


def _missing(document: Document, table: KeyPath, path: KeyPath, fields: Fields) -> Problem:
    summary = fields.description(path).partition(". ")[0].rstrip(".")
    message = f"required: {summary}" if summary else "required"
    return document.problem((*table, *path), message)


def _path_in(given: object, found: ErrorDetails) -> KeyPath:
    """The error's place in the file: pydantic also names members of unions and the like."""
    path: KeyPath = ()
    for part in found["loc"]:
        if holds(given, (part,)):
            given = _inside(given, (part,))
            path = (*path, part)
    return (*path, found["loc"][-1]) if found["type"] == "missing" else path


def _inside(value: Any, path: KeyPath) -> object:  # noqa: ANN401 - anything that TOML can say
    for part in path:
        value = value[part]
    return value


def _expectation(found: ErrorDetails, value: object) -> str:
    context = {key: str(text).replace("'", '"') for key, text in found.get("ctx", {}).items()}
    template = _EXPECTED.get(found["type"])
    if template:
        return template.format_map(context)
    return _without_value(_PYDANTIC_OPENING.sub("", found["msg"], count=1), value).rstrip(".")


def _without_value(text: str, value: object) -> str:
    """A text by a plugin, which might repeat what it was given.

    Very short values are let through: they are no secrets, and may well be part of a word.
    """
    shown = str(value)
    if not isinstance(value, dict | list) and len(shown) >= _SHOWN_LENGTH:
        text = text.replace(shown, "***")
    return " ".join(redact(text).split())


def _join(texts: list[str]) -> str:
    sentences = [text for text in texts if _SENTENCE.match(text)]
    phrases = " or ".join(dict.fromkeys(text for text in texts if text not in sentences))
    return " ".join([*([f"expected {phrases}"] if phrases else []), *dict.fromkeys(sentences)])
