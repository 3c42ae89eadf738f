"""What a user gets who installs labferry."""

import hashlib
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

# One worker makes the environments, and each only once.
pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.timeout(600)]

_NEEDED = {
    "annotated-types",
    "anyio",
    "certifi",
    "click",
    "h11",
    "httpcore",
    "httpx",
    "idna",
    "jinja2",
    "markdown-it-py",
    "markupsafe",
    "mdurl",
    "platformdirs",
    "pluggy",
    "pydantic",
    "pydantic-core",
    "pygments",
    "rich",
    "typing-extensions",
    "typing-inspection",
}
"""Everything that is installed along with labferry. Think twice before adding to it."""

_EXTRAS = {
    "encrypt": """
[destinations.nas]
type = "local"
path = "."
encrypt = { recipients = ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudy6twzsnn3dm3"] }
""",
    "fsspec": """
[destinations.any]
type = "fsspec"
url = "ftp://127.0.0.1:1/lab"
""",
    "notify": """
[destinations.nas]
type = "local"
path = "."

[observers.people]
type = "apprise"
urls = [{ env = "SECRET" }]
""",
    "s3": """
[destinations.cloud]
type = "s3"
bucket = "backups"
region = "eu-central-1"
""",
    "sftp": """
[destinations.host]
type = "sftp"
host = "127.0.0.1"
username = "backup"
password = { env = "SECRET" }
path = "/backup"
""",
    "sshfp": """
[destinations.host]
type = "sftp"
host = "backup.example.edu"
sshfp = true
path = "/backup"
""",
}
"""A configuration that needs each of the extras."""

_ON_TOP_OF = {"sshfp": "sftp"}
"""Extras that are of no use without another one."""


def _run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run what is installed, and not what a working tree's PYTHONPATH would put in its place."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _installed(programs: Path) -> dict[str, str]:
    """The distributions in an environment and their versions."""
    script = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    found: dict[str, str] = json.loads(_run(programs / "python", "-c", script))
    return found


def test_a_clean_installation_brings_few_packages_along(clean: Path) -> None:
    names = {name.lower().replace("_", "-") for name in _installed(clean)}
    assert names - {"labferry"} == _NEEDED


def test_the_command_tells_its_version(clean: Path) -> None:
    version = _run(clean / "labferry", "--version")
    assert version == _run(clean / "python", "-m", "labferry", "--version")
    assert version.split()[-1] == _installed(clean)["labferry"]


def test_the_built_in_plugins_work(clean: Path) -> None:
    document = json.loads(_run(clean / "python", "-m", "labferry", "plugins", "--json"))
    plugins = {plugin["name"]: plugin for plugin in document["plugins"]}
    assert {name: plugin["state"] for name, plugin in plugins.items()} == dict.fromkeys(
        plugins, "ok"
    )
    assert plugins["local"]["sinks"] == ["local"]
    assert "rspace" in plugins["rspace"]["sources"]


def test_the_starter_file_is_there(clean: Path, tmp_path: Path) -> None:
    _run(clean / "labferry", "init", cwd=tmp_path)
    assert "[sources." in (tmp_path / "labferry.toml").read_text(encoding="utf-8")


def test_the_demo_ends_with_a_verified_archive_and_its_manifest(
    clean: Path, tmp_path: Path
) -> None:
    _run(clean / "labferry", "demo", tmp_path / "demo")
    manifests = list((tmp_path / "demo").rglob("*.manifest.json"))
    assert manifests
    for path in manifests:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        archive = (path.parent / manifest["file"]).read_bytes()
        assert hashlib.sha256(archive).hexdigest() == manifest["sha256"]


@pytest.fixture
def without(clean: Path, wheel: Path, make_environment: Callable[..., Path], extra: str) -> Path:
    """The programs of an environment that has all that an extra needs, but not the extra."""
    if extra not in _ON_TOP_OF:
        return clean
    return make_environment(f"labferry[{_ON_TOP_OF[extra]}] @ {wheel.as_uri()}")


@pytest.mark.parametrize("extra", _EXTRAS)
def test_without_an_extra_what_needs_it_names_it(without: Path, tmp_path: Path, extra: str) -> None:
    (tmp_path / "labferry.toml").write_text(_EXTRAS[extra], encoding="utf-8")
    done = subprocess.run(
        [without / "labferry", "check"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "SECRET": "c4nary"},
        capture_output=True,
        text=True,
        check=False,
    )
    # A backup does not fail for an observer.
    assert done.returncode == (0 if extra == "notify" else 2), done.stderr
    assert f"labferry[{extra}]" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_every_extra_that_something_needs_is_named_where_it_is_missing(project: Path) -> None:
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    # `fast` only makes faster; `testing` is for authors of plugins, who have pytest.
    assert extras.keys() - {"all", "fast", "testing"} == _EXTRAS.keys()


def test_pip_adds_an_extra_to_the_labferry_that_is_there_and_looks_for_no_other(
    make_environment: Callable[..., Path], wheel: Path
) -> None:
    python = make_environment(wheel, "pip") / "python"
    command = (python, "-m", "pip", "install", "--no-index", "--dry-run", "labferry[s3]")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Requirement already satisfied: labferry[s3]" in done.stdout
    # It would take that from an index, were it asked.
    assert re.search(r"s3fs>=\S+.* \(from labferry\[s3\]", done.stdout + done.stderr)


def test_an_editable_installation_follows_the_source(
    make_environment: Callable[..., Path], tree: Path
) -> None:
    programs = make_environment("--no-deps", "--editable", tree)
    find = "import importlib.util as u; print(*(u.find_spec(n).origin for n in ('{}', '{}')))"
    names = ("labferry", "labferry_local")
    core, plugin = _run(programs / "python", "-c", find.format(*names)).split()
    assert Path(core).is_relative_to(tree / "core")
    assert Path(plugin).is_relative_to(tree / "plugins")
