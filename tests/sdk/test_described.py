"""Models whose fields are described by the text below them."""

from typing import Annotated

from pydantic import Field

from labferry.sdk.described import descriptions
from labferry.sdk.settings import Settings


class _Outer(Settings):
    a: int = 1
    """The first
    of them."""

    b: Annotated[int, Field(description="Said there.")] = 2
    """Not this."""

    c: int = 3

    class Inner(Settings):
        a: str = ""
        """Another one."""


class _Heir(_Outer):
    c: int = 4
    """Told at last."""


def test_the_text_below_a_field_describes_it() -> None:
    assert descriptions(_Outer) == {"a": "The first\nof them.", "b": "Said there."}
    assert descriptions(_Outer.Inner) == {"a": "Another one."}


def test_what_is_inherited_stays_described() -> None:
    assert descriptions(_Heir) == {**descriptions(_Outer), "c": "Told at last."}


def test_a_class_within_a_function_is_described_too() -> None:
    class Local(Settings):
        a: int = 1
        """Here."""

    assert descriptions(Local) == {"a": "Here."}


def test_editors_are_told() -> None:
    properties = _Outer.model_json_schema()["properties"]

    assert properties["a"]["description"] == "The first\nof them."
    assert properties["b"]["description"] == "Said there."
    assert "description" not in properties["c"]


def test_editors_are_told_of_a_key_by_its_other_name() -> None:
    class Renamed(Settings):
        from_: Annotated[int, Field(alias="from")] = 1
        """Where it begins."""

    assert Renamed.model_json_schema()["properties"]["from"]["description"] == "Where it begins."


def test_without_source_there_is_no_description() -> None:
    names = {"Settings": Settings, "__name__": "nowhere"}
    exec("class Made(Settings):\n    a: int = 1\n    'Not to be had.'\n", names)  # noqa: S102 - no source

    made = names["Made"]
    assert isinstance(made, type)
    assert issubclass(made, Settings)
    assert descriptions(made) == {}
