"""What labferry prints of itself can be typed as it is printed."""

import sys
from pathlib import Path

import pytest

from labferry.cli.invocation import typed


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the environment `.venv` of this folder; nothing else is on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    path = tmp_path / ".venv/bin/labferry"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    return path


def test_a_program_that_is_not_on_the_path_is_named_as_it_was_started(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/labferry", "demo"])
    assert typed() == ".venv/bin/labferry"


def test_a_program_that_the_shell_finds_needs_no_path(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(sys, "argv", [str(program), "demo"])
    assert typed() == "labferry"


def test_another_program_of_that_name_on_the_path_is_not_meant(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other/labferry"
    other.parent.mkdir()
    other.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    monkeypatch.setattr(sys, "argv", [".venv/bin/labferry", "demo"])
    assert typed() == ".venv/bin/labferry"


def test_a_path_with_a_space_is_quoted(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = program.parents[2] / "my lab"
    program.parents[1].rename(moved)
    monkeypatch.setattr(sys, "argv", ["my lab/bin/labferry", "demo"])
    assert typed() == "'my lab/bin/labferry'"


def test_a_module_is_started_by_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/labferry/__main__.py", "demo"])
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert typed() == "/usr/bin/python3 -m labferry"
