"""Models whose fields are described by the text below them."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

__all__ = ["Described"]


class Described(BaseModel):
    """A model whose fields are described by the string that stands below each of them.

    pydantic can do that by itself (`use_attribute_docstrings`), but looks so hard for the source
    of every single class that to import a few modules of settings takes longer than all else.
    """

    # What is used is built; most settings are those of plugins that a configuration does not name.
    model_config = ConfigDict(defer_build=True, frozen=True, hide_input_in_errors=True)

    @classmethod
    @override
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        texts = _texts(sys.modules.get(cls.__module__)).get(cls.__qualname__, {})
        for name, field in cls.model_fields.items():
            if field.description is None:
                field.description = texts.get(name)


@lru_cache(maxsize=1)
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
