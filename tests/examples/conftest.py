"""Environments of third parties: labferry as it is distributed, and a plugin beside it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def _run(*command: str | Path, cwd: Path) -> str:
    """Run a program without what a working tree's PYTHONPATH would put in its place."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """labferry as it is distributed."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=project)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def run() -> Callable[..., str]:
    """Run a program."""
    return _run


@pytest.fixture(scope="session")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make an environment with labferry, a plugin and what else is needed; its programs."""

    def make(plugin: Path, *needed: str) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        uv = (sys.executable, "-m", "uv")
        _run(*uv, "venv", "--python", sys.executable, "--allow-existing", folder, cwd=plugin)
        labferry = f"labferry[testing] @ {wheel.as_uri()}"
        _run(*uv, "pip", "install", "--python", folder, labferry, ".", *needed, cwd=plugin)
        return folder / "bin"

    return make
