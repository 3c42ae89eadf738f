"""Models whose fields are described by the text below them."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from typing_extensions import override

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

__all__ = ["Described", "descriptions"]


class Described(BaseModel):
    """A model whose fields are described by the string that stands below each of them.

    pydantic can do that by itself (`use_attribute_docstrings`), but looks for the source of every
    class as soon as there is one. Here that is done when somebody wants to know.
    """

    # What is used is built; most settings are those of plugins that a configuration does not name.
    model_config = ConfigDict(defer_build=True, frozen=True, hide_input_in_errors=True)

    @classmethod
    @override
    def __get_pydantic_json_schema__(
        cls, core_schema: "CoreSchema", handler: GetJsonSchemaHandler, /
    ) -> "JsonSchemaValue":
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in descriptions(cls).items():
            shown = properties.get(name, properties.get(cls.model_fields[name].alias))
            if shown is not None:
                shown.setdefault("description", text)
        return schema


def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """What is said of a model's fields, by name; nothing of those of which nothing is said."""
    below: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        texts = _texts(sys.modules.get(kind.__module__)) if issubclass(kind, Described) else {}
        below |= texts.get(kind.__qualname__, {})
    known = {
        name: field.description or below.get(name) for name, field in model.model_fields.items()
    }
    return {name: text for name, text in known.items() if text}


@cache
def _texts(module: ModuleType | None) -> Mapping[str, Mapping[str, str]]:
    """For each class of a module, the texts below its fields; none where there is no source."""
    try:
        tree = ast.parse(inspect.getsource(module)) if module is not None else None
    except (OSError, TypeError, SyntaxError):
        tree = None
    return {} if tree is None else dict(_classes(tree, ""))


def _classes(node: ast.AST, prefix: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for inner in ast.iter_child_nodes(node):
        match inner:
            case ast.ClassDef(name=name):
                yield prefix + name, _fields(inner)
                yield from _classes(inner, f"{prefix}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield from _classes(inner, f"{prefix}{name}.<locals>.")
            case ast.stmt():
                yield from _classes(inner, prefix)


def _fields(node: ast.ClassDef) -> Mapping[str, str]:
    found = {}
    for field, text in pairwise(node.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(str(value))):
                found[name] = inspect.cleandoc(value)
    return found
