"""The built distributions, and a clean environment with the wheel in it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_PARTS = (".ci", "core", "docs", "examples", "plugins", "tests", "pyproject.toml", "tox.ini")
_SECONDS = 300


def _uv(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", *arguments], check=True, timeout=_SECONDS)


@pytest.fixture(scope="session")
def tree(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project to build from, without what tests and tools leave in it."""
    copy = tmp_path_factory.mktemp("tree")
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "_build", ".*_cache")
    for path in (*map(project.joinpath, _PARTS), *project.glob("*.md"), project / "LICENSE"):
        if path.is_dir():
            shutil.copytree(path, copy / path.name, ignore=unwanted)
        else:
            shutil.copy2(path, copy)
    return copy


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Path]:
    """Build a `wheel` or an `sdist` from a tree."""

    def run(tree: Path, target: str) -> Path:
        folder = tmp_path_factory.mktemp(target)
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "--target", target, "-d", folder],
            cwd=tree,
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
        (built,) = folder.iterdir()
        return built

    return run


@pytest.fixture(scope="session")
def wheel(tree: Path, build: Callable[[Path, str], Path]) -> Path:
    return build(tree, "wheel")


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a new virtual environment, install into it, and return its folder of programs."""

    def make(*arguments: str | Path) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        _uv("venv", "--python", sys.executable, "--allow-existing", folder)
        _uv("pip", "install", "--python", folder, *arguments)
        return folder / "bin"

    return make


@pytest.fixture(scope="session")
def clean(make_environment: Callable[..., Path], wheel: Path) -> Path:
    """The programs of an environment that has the wheel, what it needs, and nothing else."""
    return make_environment(wheel)
