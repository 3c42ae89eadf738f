"""What the README says is so."""

import re
from pathlib import Path

import pytest

from labferry.config import Kinds, load_config
from labferry.plugins import load_plugins


@pytest.fixture
def readme(project: Path) -> str:
    return (project / "README.md").read_text(encoding="utf-8")


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_sample_configuration_is_accepted_as_it_is(readme: str, tmp_path: Path) -> None:
    (sample,) = _blocks(readme, "toml")
    path = tmp_path / "labferry.toml"
    path.write_text(sample, encoding="utf-8")
    plugins = load_plugins()
    config = load_config(
        path, Kinds(plugins.sources, plugins.sinks, plugins.broken, plugins.observers)
    )
    assert (config.path, config.warnings) == (path, ())


def test_its_first_command_runs_the_demo(readme: str) -> None:
    assert _blocks(readme, "sh")[0].rstrip().endswith("&& .venv/bin/labferry demo")


def test_its_second_command_is_what_ci_runs(readme: str, project: Path) -> None:
    command = _blocks(readme, "sh")[1].rstrip("\n")
    script = (project / ".ci" / "run").read_text(encoding="utf-8")
    assert script.splitlines()[-1] == command


def test_every_file_that_is_linked_to_is_there(project: Path) -> None:
    pages = [*project.glob("*.md")]
    assert project / "README.md" in pages
    for page in pages:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (project / link).exists(), (page.name, link)
