"""The example plugin, as a third party has it: its own folder, its own environment."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.xdist_group("examples"), pytest.mark.timeout(900)]

Run = Callable[..., str]


@pytest.fixture(scope="module")
def plugin(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, away from the project."""
    folder = tmp_path_factory.mktemp("plugin") / "labferry-webdav"
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(project / "examples/labferry-webdav", folder, ignore=unwanted)
    return folder


@pytest.fixture(scope="module")
def programs(install: Callable[..., Path], plugin: Path) -> Path:
    return install(plugin, "cheroot", "wsgidav")


def test_labferry_lists_the_plugin(programs: Path, run: Run, tmp_path: Path) -> None:
    document = json.loads(run(programs / "labferry", "plugins", "--json", cwd=tmp_path))
    (found,) = [each for each in document["plugins"] if each["distribution"] == "labferry-webdav"]
    assert (found["name"], found["state"], found["sinks"]) == ("webdav", "ok", ["webdav"])


def test_the_plugins_own_tests_pass(programs: Path, run: Run, plugin: Path) -> None:
    command = (programs / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert " passed" in run(*command, cwd=plugin)
