"""The public API as an author's type checker sees it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import labferry.sdk
from labferry.sdk import hookspecs

_SAMPLE = Path(__file__).parent / "sample_plugin.py"

# Parts of what the sample handles as a whole, a suffix, and the key of a file of the core.
_NOT_HANDLED = {
    "ExitCode",
    "MANIFEST_SUFFIX",
    "MARKER_KEY",
    "ManifestEncryption",
    "ManifestJob",
    "ManifestNames",
    "ManifestSource",
    "Outcome",
    "is_key",
}


@pytest.mark.timeout(300)
def test_mypy_accepts_the_sample_and_finds_what_is_wrong_in_it(
    project: Path, tmp_path: Path
) -> None:
    text = _SAMPLE.read_text(encoding="utf-8")
    good, bad = tmp_path / "good_plugin.py", tmp_path / "bad_plugin.py"
    good.write_text(text, encoding="utf-8")
    bad.write_text(text.replace("job_timeout = 3600.0", 'job_timeout = "1h"'), encoding="utf-8")

    command = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={tmp_path / 'cache'}"]
    done = subprocess.run(
        [*command, f"--config-file={project / 'pyproject.toml'}", str(good), str(bad)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )

    mistakes = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(mistakes) == 1, done.stdout + done.stderr
    assert "bad_plugin.py" in mistakes[0]


def test_the_sample_uses_everything_that_an_author_handles() -> None:
    tree = ast.parse(_SAMPLE.read_text(encoding="utf-8"))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    errors = {name for name in labferry.sdk.__all__ if name.endswith("Error")}
    assert {*labferry.sdk.__all__} - errors - used == _NOT_HANDLED


def test_the_sample_implements_every_hook() -> None:
    tree = ast.parse(_SAMPLE.read_text(encoding="utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {name for name in hookspecs.__all__ if name.startswith("labferry_")} == defined
