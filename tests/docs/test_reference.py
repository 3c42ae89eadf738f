"""What is written by hand in the documentation keeps up with the code."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import labferry.sdk
from labferry.sdk import ExitCode


def _exit_codes() -> Iterator[int]:
    yield from (int(code) for code in ExitCode)


@pytest.mark.parametrize("page", ["README.md", "docs/reference/exit-codes.md"])
def test_the_table_of_exit_codes_has_every_code_and_no_other(page: str, project: Path) -> None:
    text = (project / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+(?:, \d+)*) \|", text, re.MULTILINE)
    assert {int(code) for row in rows for code in row.split(", ")} == set(_exit_codes())


def test_the_source_tour_names_every_folder_and_nothing_else(project: Path) -> None:
    text = (project / "docs/explanation/source-code.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([^`]+)/` \|", text, re.MULTILINE))
    build = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {
        file.parent.relative_to(project).as_posix()
        for root in build["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        for file in (project / root).rglob("*.py")
    }
    assert named == packages - {"core/labferry"}


def test_every_path_in_the_source_tour_is_there(project: Path) -> None:
    text = (project / "docs/explanation/source-code.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:core|plugins)/[^`]+)`", text)
    assert paths
    assert [path for path in paths if not (project / path).exists()] == []


def test_every_hook_is_on_the_page_about_plugins_or_the_design(project: Path) -> None:
    pages = ("docs/how-to/write-a-plugin.md", "docs/explanation/design.md")
    text = "".join((project / page).read_text(encoding="utf-8") for page in pages)
    hooks = [n for n in labferry.sdk.hookspecs.__all__ if n.startswith("labferry_")]
    assert [hook for hook in hooks if f"def {hook}(" not in text] == []
