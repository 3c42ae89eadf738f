"""What `labferry.sdk` offers is complete, and nothing more."""

import importlib
import pkgutil
from types import ModuleType

import pytest

from labferry import sdk
from labferry.sdk import hookspecs

# Needed inside of labferry, or of one hook only; a plugin imports none of it.
OF_THE_MODULES = {
    "ConfigFile",
    "PrivatePath",
    "Settings",
    "format_duration",
    "parse_duration",
    "PROJECT",
    "redact_stored",
    *(name for name in hookspecs.__all__ if name.startswith("labferry_")),
}
FIRST = ("archive", "errors", "findings", "hookspecs", "keys", "manifest", "report", "secrets")
MODULES = (*FIRST, "observer", "quantities", "settings", "sink", "sink_settings", "source", "text")


def modules() -> list[ModuleType]:
    return [importlib.import_module(f"labferry.sdk.{name}") for name in MODULES]


def test_everything_named_is_there() -> None:
    assert [name for name in sdk.__all__ if not hasattr(sdk, name)] == []
    assert len(set(sdk.__all__)) == len(sdk.__all__)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__)
def test_every_module_lists_what_it_defines(module: ModuleType) -> None:
    defined = {
        name
        for name, member in vars(module).items()
        if not name.startswith("_") and getattr(member, "__module__", "") == module.__name__
    }
    assert defined - {"SettingsT", "hookspec"} <= set(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_sdk_offers_what_its_modules_list() -> None:
    offered = {name for module in modules() for name in module.__all__}
    assert offered - OF_THE_MODULES == set(sdk.__all__) & offered


def test_sdk_offers_nothing_from_elsewhere() -> None:
    offered = {name for module in modules() for name in module.__all__}
    others = [
        name
        for name in set(sdk.__all__) - offered
        if not getattr(sdk, name).__module__.startswith("labferry.sdk.")
    ]
    assert others == []


def test_no_module_is_left_out() -> None:
    found = {module.name for module in pkgutil.iter_modules(sdk.__path__)}
    assert found >= set(MODULES)
