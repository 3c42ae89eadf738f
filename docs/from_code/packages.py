"""What modules there are, and what each says of itself."""

import ast
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from labferry import sdk

_ROOT = Path(__file__).parents[2]


def plugin_api() -> str:
    """The reference of each module of the SDK."""
    modules = [f"labferry.sdk.{module.name}" for module in pkgutil.iter_modules(sdk.__path__)]
    return "\n\n".join(
        f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```" for name in modules
    )


def source_tour(folder: str) -> str:
    """A table for each package below a folder: a line for each module, from its docstring."""
    parts = []
    for package in sorted({path.parent for path in (_ROOT / folder).rglob("*.py")}):
        rows = [f"| `{name}` | {line} |" for name, line in _modules(package)]
        title = package.relative_to(_ROOT).as_posix()
        parts.append("\n".join([f"### {title}/", "", "| file | what it is |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def _modules(package: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(package.glob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        yield path.name, docstring.split("\n\n")[0].replace("\n", " ")
