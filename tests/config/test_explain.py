"""Settings of strange shapes are explained too."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from labferry.config.document import Document
from labferry.config.explain import explain
from labferry.config.fields import Fields
from labferry.sdk.settings import ConfigFile, Settings


class _Disk(Settings):
    kind: Literal["disk"]
    folder: str
    """Where it is. It must exist."""


class _Tape(Settings):
    kind: Literal["tape"]
    drive: int


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


def _refuse(value: object) -> object:
    raise AssertionError(f"a table\n  of anything, not {value}")


def _refuse_text(value: object) -> object:
    raise ValueError("JSON")


class _Strange(Settings):
    where: Annotated[_Disk | _Tape, Field(discriminator="kind")] | None = None
    either: _Disk | int | None = None
    many: tuple[_Disk, ...] = ()
    named: Annotated[dict[str, _Disk], Field(default_factory=dict)]
    odd: Annotated[object, BeforeValidator(_refuse)] = None
    text: Annotated[object, BeforeValidator(_refuse_text)] = None
    call: Callable[[], None] | None = None
    count: Annotated[set[int], Field(max_length=1, default_factory=set)]
    open: _Open | None = None
    word: Annotated[str, Field(pattern="^a", max_length=3)] = "a"
    even: Annotated[int, Field(multiple_of=2)] = 0


DISK = "{ kind = 'disk', folder = '/d', foldr = 1 }"


@pytest.mark.parametrize(
    ("text", "key", "message", "suggestion"),
    [
        ("where = { kind = 'canary' }", "t.where", 'expected one of "disk", "tape"', ""),
        ("where = { kind = 'disk' }", "t.where.folder", "required: Where it is", ""),
        ("where = { kind = 'tape' }", "t.where.drive", "required", ""),
        (
            f"many = [{DISK}]",
            "t.many[0].foldr",
            "unknown key",
            'Did you mean "folder"? Known keys: kind, folder.',
        ),
        (
            f"named.a = {DISK}",
            "t.named.a.foldr",
            "unknown key",
            'Did you mean "folder"? Known keys: kind, folder.',
        ),
        ("either = 'x'", "t.either", "expected a table or a whole number", ""),
        ("odd = 'canary'", "t.odd", "expected a table of anything, not ***", ""),
        ("text = 1", "t.text", "expected JSON", ""),
        ("count = [1, 2]", "t.count", "expected 1 or fewer entries", ""),
        ("open = 1", "t.open", "expected a table", ""),
        ("word = 'b'", "t.word", "expected text that matches ^a", ""),
        ("word = 'aaaa'", "t.word", "expected 3 or fewer characters", ""),
        ("even = 1", "t.even", "expected a multiple of 2", ""),
    ],
)
def test_a_mistake_is_explained(text: str, key: str, message: str, suggestion: str) -> None:
    document = Document(ConfigFile(Path("/f"), private=True), f"[t]\n\n{text}\n")
    with pytest.raises(ValidationError) as caught:
        _Strange.model_validate_json(json.dumps(document.data["t"]), strict=True)

    found = list(explain(document, ("t",), _Strange, caught.value))

    assert [(p.line, p.key, p.message, p.suggestion) for p in found] == [
        (3, key, message, suggestion)
    ]


def test_a_field_without_a_json_schema_keeps_no_other_from_being_explained() -> None:
    fields = Fields(_Strange)

    assert "call" in fields.names(())
    assert fields.names(("call",)) == []
