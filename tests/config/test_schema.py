"""The JSON Schema of the file."""

import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from labferry.config import Config, InvalidConfigError, Kinds, json_schema, starter_file

Load = Callable[..., Config]

VALID = [
    "",
    'max_wait = "26h"\nrequire = 1\n',
    "[syncs.s]\nsources = ['chem']\ndestinations = ['nas']\n",
    "[destinations.b]\ntype = 'mirror'\npath = 'b'\nrequired = false\nretention.keep_last = 3\n",
    "[sources.chem.headers]\na = { command = ['pass', 'show', 'x'] }\nb = 'plain'\n",
    "[observers.m]\ntype = 'heartbeat'\nurl = { env = 'URL' }\npatience = '5s'\n",
    "[sources.chem.options]\nany.thing = [1, 'x', { y = 2.5 }]\n",
]
INVALID = [
    "max_wait = 26\n",
    'max_wait = "soon"\n',
    "require = 0\n",
    "require = '1'\n",
    "state_dir = ''\n",
    "unknown = 1\n",
    "[syncs.s]\nsources = ['chem']\n",
    "[syncs.s]\nsources = []\ndestinations = ['nas']\n",
    "[syncs.s]\nsources = ['chem', 'chem']\ndestinations = ['nas']\n",
    "[syncs.-s]\nsources = ['chem']\ndestinations = ['nas']\n",
    "[destinations.-b]\ntype = 'mirror'\npath = 'b'\n",
    "[destinations.b]\npath = 'b'\n",
    "[destinations.b]\ntype = 'rspace'\npath = 'b'\n",
    "[destinations.b]\ntype = 'mirror'\n",
    "[destinations.b]\ntype = 'mirror'\npath = 'b'\nrequired = 'no'\n",
    "[destinations.b]\ntype = 'mirror'\npath = 'b'\nretention = { keep_last = 0 }\n",
    "[destinations.b]\ntype = 'mirror'\npath = 'b'\nretention = { keep_frist = 1 }\n",
    "[observers.m]\nurl = { env = 'URL' }\n",
    "[observers.m]\ntype = 'local'\nurl = { env = 'URL' }\n",
    "[observers.m]\ntype = 'heartbeat'\n",
    "[observers.-m]\ntype = 'heartbeat'\nurl = { env = 'URL' }\n",
    "[observers.m]\ntype = 'heartbeat'\nurl = { env = 'URL' }\nrequired = true\n",
    "[sources.chem.headers]\na = { env = 'A', file = 'b' }\n",
    "[sources.chem.headers]\na = { env = '' }\n",
    "[sources.chem.headers]\na = { command = [] }\n",
    "[sources.chem.headers]\na = 1\n",
]


@pytest.fixture
def schema(kinds: Kinds) -> dict[str, Any]:
    return json_schema(kinds)


def _whole(good: str, addition: str) -> str:
    return good + addition if addition.startswith("[") else addition + good


def _models(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "", schema
    yield from schema["$defs"].items()


def test_it_is_a_json_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


def test_without_plugins_it_still_is_one() -> None:
    schema = json_schema(Kinds({}, {}))

    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["sources"]["additionalProperties"] is False
    assert schema["properties"]["observers"]["additionalProperties"] is False


@pytest.mark.parametrize("addition", VALID)
def test_what_loads_is_valid(schema: dict[str, Any], load: Load, good: str, addition: str) -> None:
    text = _whole(good, addition)

    load(text)
    Draft202012Validator(schema).validate(tomllib.loads(text))


@pytest.mark.parametrize("addition", INVALID)
def test_what_does_not_load_is_invalid(
    schema: dict[str, Any], load: Load, good: str, addition: str
) -> None:
    text = _whole(good, addition)

    with pytest.raises(InvalidConfigError):
        load(text)
    assert not Draft202012Validator(schema).is_valid(tomllib.loads(text))


def test_an_empty_file_is_invalid(schema: dict[str, Any]) -> None:
    messages = [error.message for error in Draft202012Validator(schema).iter_errors({})]

    assert messages == ["'destinations' is a required property"]


def test_the_starter_file_is_valid(schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(tomllib.loads(starter_file()))


def test_every_field_is_described(schema: dict[str, Any]) -> None:
    bare = [
        f"{model}.{name}"
        for model, definition in _models(schema)
        for name, field in definition.get("properties", {}).items()
        if not field.get("description")
    ]

    assert bare == []


def test_defaults_are_written_as_in_the_file(schema: dict[str, Any]) -> None:
    fields = schema["$defs"]["NotebookSettings"]["properties"]

    assert fields["poll_interval"]["default"] == "1m"
    assert fields["job_timeout"]["default"] == "1d"
    assert fields["scope"]["default"] == "user"


def test_tables_are_told_apart_by_their_type(schema: dict[str, Any]) -> None:
    choices = schema["properties"]["destinations"]["additionalProperties"]["oneOf"]

    assert [choice["properties"]["type"]["const"] for choice in choices] == ["local", "mirror"]
