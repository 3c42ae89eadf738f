"""The example of a source: a server that declares nothing, from the configuration to a copy."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from tests.lab import Lab, environment

pytestmark = pytest.mark.slow


@pytest.fixture
def example(project: Path) -> Path:
    return project / "examples/source-gitlab"


def test_its_own_tests_pass(example: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    env = {**os.environ, "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, "tests"], cwd=example, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.fixture
def gitlab(example: Path) -> Iterator[Any]:
    """The simulated server of the example's own tests."""
    spec = spec_from_file_location("gitlab_conftest", example / "tests/conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    yield from module.server.__wrapped__()


@pytest.fixture
def installed(example: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a command that finds the plugin, as if it were installed."""
    folder = tmp_path / "plugins"
    metadata = folder / "labferry_gitlab-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: labferry-gitlab\nVersion: 1.0\n", encoding="utf-8"
    )
    points = "[labferry]\ngitlab = labferry_gitlab\n"
    (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
    (folder / "labferry_gitlab.py").symlink_to(example / "src/labferry_gitlab.py")
    return {"PYTHONPATH": str(folder), "GITLAB_TOKEN": "glpat-s3cr3t-t0ken-0123"}


@pytest.mark.parametrize("old_first", [0, 1])
def test_a_project_is_stored_and_never_called_verified(
    gitlab: Any,  # noqa: ANN401 - of a module without types
    installed: dict[str, str],
    tmp_path: Path,
    bytecode: Path,
    old_first: int,
) -> None:
    gitlab.old_first = old_first
    lab = Lab(tmp_path / "lab", environment(tmp_path / "home", bytecode))
    lab.folder.mkdir()
    source = {
        "type": "gitlab",
        "url": gitlab.url,
        "token": {"env": "GITLAB_TOKEN"},
        "projects": ["chemistry/analysis"],
        "poll_interval": "20ms",
    }
    lab.write({"code": source})
    assert lab.run("check", **installed).code == 0
    done = lab.run("sync", **installed)
    assert done.code == 0, done.text
    (archive,) = lab.archives()
    assert archive.name.endswith(".tar.gz")
    assert archive.read_bytes() == gitlab.archive
    manifest = json.loads(archive.with_name(f"{archive.name}.manifest.json").read_bytes())
    assert manifest["download_check"] == "sound"
    assert gitlab.asked == 1
    assert lab.run("verify", **installed).code == 0

    strict = {**source, "require_digest": True}
    lab.write({"code": strict})
    assert lab.run("sync", **installed).code == 1
    assert len(lab.archives()) == 1
