"""The plugin API as text, for readers who have no Sphinx: signatures and docstrings.

To write the page anew: `python docs/from_code/api_text.py`. Nothing is imported, only read.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_SDK = _ROOT / "core" / "labferry" / "sdk"
_WHOLE = {
    "files",
    "fsspec_sink",
    "hookspecs",
    "http",
    "http_answers",
    "http_headers",
    "key_owners",
    "strays",
    "waiting",
    "zips.__init__",
}
"""Modules that belong to the contract with all that they name, not only what the SDK re-exports."""
_PREFIX = "labferry.sdk."
_HEAD = """\
# Plugin API, as text

All that a plugin may import from `labferry.sdk`, with signatures and docstrings. Made from the \
code by `python docs/from_code/api_text.py`; a test fails if it is not up to date. \
[Plugin API](plugin-api.md) says what may change in which release.
"""

PAGE = _ROOT / "docs" / "reference" / "plugin-api-text.md"
"""Where it is kept."""


def api_text() -> str:
    """The page."""
    offered = dict[str, set[str]]()
    modules = {_name(path): path for path in sorted(_SDK.rglob("*.py"))}
    for name in ("__init__", *sorted(_WHOLE)):
        module = _parsed(modules[name])
        public = _names_in_all(module)
        offered.setdefault(name, set()).update(public)
        for origin, names in _imported(module):
            offered.setdefault(origin, set()).update(names & public)
    parts = [_HEAD]
    for name, path in modules.items():
        module = _parsed(path)
        wanted = offered.get(name, set()) & _defined(module)
        if wanted:
            parts.append(_section(name, path, module, wanted))
    return "\n".join(parts)


def _name(path: Path) -> str:
    return ".".join(path.relative_to(_SDK).with_suffix("").parts)


def _imported(module: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """What a module imports from others of the SDK."""
    for node in module.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PREFIX):
            yield (node.module or "").removeprefix(_PREFIX), {each.name for each in node.names}


def _defined(module: ast.Module) -> set[str]:
    imports = (ast.Import, ast.ImportFrom)
    return {name for node in module.body if not isinstance(node, imports) for name in _names(node)}


def _section(name: str, path: Path, module: ast.Module, wanted: set[str]) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    code = "\n\n\n".join(
        "\n".join(_shown(node, lines)) for node in module.body if _names(node) & wanted
    )
    docstring = (ast.get_docstring(module) or "").replace("::\n", ":\n")
    return f"## {_PREFIX}{name}\n\n{docstring}\n\n```py\n{code}\n```\n"


def _shown(node: ast.stmt, lines: Sequence[str]) -> Iterator[str]:
    """Lines of a definition, without the bodies of functions."""
    if isinstance(node, ast.ClassDef):
        yield from _source(lines, _first_line(node), node.body[0].lineno - 1)
        for index, each in enumerate(node.body):
            if index == 1 and not isinstance(each, ast.FunctionDef):
                yield ""
            if index and isinstance(each, ast.FunctionDef):
                if not each.name.startswith("_") or each.name == "__init__":
                    yield ""
                    yield from _shown(each, lines)
            elif not _names(each) or any(not name.startswith("_") for name in _names(each)):
                yield from _source(lines, _first_line(each), each.end_lineno or 0)
    elif isinstance(node, ast.FunctionDef):
        body = node.body[0]
        has_docstring = ast.get_docstring(node) is not None
        last = body.end_lineno if has_docstring else body.lineno - 1
        yield from _source(lines, _first_line(node), last or 0)
        if not has_docstring:
            yield " " * (node.col_offset + 4) + "..."
    else:
        yield from _source(lines, node.lineno, node.end_lineno or 0)


def _source(lines: Sequence[str], first: int, last: int) -> Sequence[str]:
    return lines[first - 1 : last]


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _names(node: ast.stmt) -> set[str]:
    """What a statement defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _names_in_all(module: ast.Module) -> set[str]:
    for node in module.body:
        if isinstance(node, ast.Assign) and _names(node) == {"__all__"}:
            return set(ast.literal_eval(node.value))
    return set()


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(api_text(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != api_text():
        sys.exit(f"{PAGE} is not up to date. Run: python docs/from_code/api_text.py")
