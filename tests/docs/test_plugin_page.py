"""The page about plugins builds the example, and what it refers to is all documented and tested."""

import inspect
import re
import tomllib
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

import labferry.sdk
from labferry.plugins import load_plugins
from labferry.sdk import Observer, Sink, Source, hookspecs
from labferry.sdk.described import descriptions

_CAPTIONED = re.compile(
    r"^```\{code-block\} \w+\n:caption: (?P<name>.+)\n(?P<text>(?:.*\n)*?)^```$", re.MULTILINE
)
_HOOKS = [name for name in hookspecs.__all__ if name.startswith("labferry_")]


@pytest.fixture
def snippets(project: Path) -> dict[str, str]:
    page = (project / "docs/how-to/write-a-plugin.md").read_text(encoding="utf-8")
    return {each["name"]: each["text"] for each in _CAPTIONED.finditer(page)}


@pytest.mark.parametrize(
    "path",
    [
        "pyproject.toml",
        "src/labferry_webdav.py",
        "tests/conftest.py",
        "tests/test_contract.py",
    ],
)
def test_the_page_shows_the_example_as_it_is(
    project: Path, snippets: dict[str, str], path: str
) -> None:
    file = project / "examples/labferry-webdav" / path
    assert snippets[file.name] == file.read_text(encoding="utf-8")


def test_the_page_and_the_readme_configure_the_plugins_own_keys(
    project: Path, snippets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(project / "examples/labferry-webdav/src")
    labferry_webdav = import_module("labferry_webdav")

    table = tomllib.loads(snippets["labferry.toml"])["destinations"]["share"]
    settings = labferry_webdav.WebdavSettings.model_validate(table)
    assert settings.user == "backup"
    readme = (project / "examples/labferry-webdav/README.md").read_text(encoding="utf-8")
    assert snippets["labferry.toml"] in readme


def test_the_observers_on_the_page_can_be_used(
    snippets: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("labferry_journal", "labferry_lamp")
    for name in names:
        (tmp_path / f"{name}.py").write_text(snippets[f"{name}.py"], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    plugins = load_plugins(EntryPoint(name, name, "labferry") for name in names)

    assert list(plugins.broken) == []
    assert list(plugins.observers) == ["lamp"]
    assert {*plugins.observers["lamp"].Settings.model_fields} == {"type", "url", "token"}


@pytest.mark.parametrize("hook", _HOOKS)
def test_every_hook_says_what_it_is_for(hook: str) -> None:
    assert inspect.getdoc(getattr(hookspecs, hook))


@pytest.mark.parametrize("hook", _HOOKS)
def test_every_hook_is_called_in_a_test(project: Path, hook: str) -> None:
    folders = [project / "tests" / name for name in ("cli", "sync", "plugins", "reliability")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    assert [path for path in files if f"def {hook}(" in path.read_text(encoding="utf-8")]


def test_everything_in_the_sdk_is_documented() -> None:
    missing = []
    for name in labferry.sdk.__all__:
        thing = getattr(labferry.sdk, name)
        if isinstance(thing, type | FunctionType):
            missing += [name] if not inspect.getdoc(thing) else []
            missing += _undocumented_members(thing)
    assert missing == []


def _undocumented_members(thing: object) -> list[str]:
    if not isinstance(thing, type):
        return []
    own = {name: value for name, value in vars(thing).items() if not name.startswith("_")}
    return [
        f"{thing.__name__}.{name}"
        for name, value in own.items()
        if isinstance(value, FunctionType | property) and not inspect.getdoc(value)
    ]


def test_every_setting_of_every_plugin_is_described() -> None:
    plugins = load_plugins()
    kinds: list[type[Sink[Any] | Source[Any] | Observer[Any]]] = [
        *plugins.sinks.values(),
        *plugins.sources.values(),
        *plugins.observers.values(),
    ]
    assert kinds
    for kind in kinds:
        assert kind.Settings.model_fields.keys() - descriptions(kind.Settings) == set(), kind.type
