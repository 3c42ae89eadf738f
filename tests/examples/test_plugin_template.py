"""The template makes a plugin that works before a line of it was changed."""

import json
from collections.abc import Callable
from pathlib import Path

import copier
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("examples"), pytest.mark.timeout(600)]


def test_a_project_made_from_the_template_passes_its_tests(
    project: Path, install: Callable[..., Path], run: Callable[..., str], tmp_path: Path
) -> None:
    made = tmp_path / "labferry-tape"
    template = str(project / "examples/plugin-template")
    copier.run_copy(template, made, data={"word": "tape"}, defaults=True, quiet=True)
    assert "{{" not in "".join(path.read_text() for path in made.rglob("*.*") if path.is_file())

    programs = install(made)

    document = json.loads(run(programs / "labferry", "plugins", "--json", cwd=tmp_path))
    assert ["tape"] in [plugin["sinks"] for plugin in document["plugins"]]
    command = (programs / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert " passed" in run(*command, cwd=made)
