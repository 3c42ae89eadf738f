"""The net under all tests catches what it is there for, and lets everything else through."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.shows_secrets("the tests that are run here leak on purpose")

HEAD = """\
import logging, subprocess, sys
import pytest
from labferry.sdk import Secret
KEY = "aliceAliceAliceAlice01"
def command(code, **environment):
    subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
"""
LEAKS = {
    "stdout": "print(KEY)",
    "stderr": "print(KEY, file=sys.stderr)",
    "log": "logging.getLogger('labferry').warning('the key is %s', KEY)",
    "ledger": "(tmp_path / 'state').mkdir(); (tmp_path / 'state/ledger.db').write_text(KEY)",
    "journal": "(tmp_path / 'ledger.db-wal').write_text(KEY)",
    "manifest": "(tmp_path / 'a.zip.manifest.json').write_text(KEY)",
    "report": "(tmp_path / 'report.html').write_text(f'<p>{KEY}</p>')",
    "command": "command(f'print({KEY!r}) # labferry')",
    "environment": "command('import os; print(os.environ[\"S3_SECRET\"]) # labferry',"
    " S3_SECRET='f0r-nobody')",
    "given": "print(Secret.plain('tell-nobody').reveal())",
    "configured": "(tmp_path / 'a.toml').write_text('token = \"in-plain-text\"');"
    " print('in-plain-text')",
    "failing": "print(KEY); assert False",
}
INNOCENT = {
    "configuration": "(tmp_path / 'labferry.toml').write_text(KEY)",
    "secrets": "(tmp_path / 'secrets').mkdir(); (tmp_path / 'secrets/a.json').write_text(KEY)",
    "key_file": "(tmp_path / 'identity.txt').write_text(KEY)",
    "library": "logging.getLogger('httpx').warning('POST %s', KEY)",
    "link": "(tmp_path / 'a.json').symlink_to('nowhere')",
    "folder": "(tmp_path / 'a.json').mkdir()",
    "other_command": "command(f'print({KEY!r})')",
    "short": "print(Secret.plain('short').reveal())",
    "of_the_test_before": "print('tell-nobody')",
    "nothing": "assert KEY",
}


def _module(bodies: Mapping[str, str], mark: str = "") -> str:
    tests = [f"{mark}\ndef test_{name}(tmp_path):\n    {body}\n" for name, body in bodies.items()]
    return "\n".join([HEAD, *tests])


@pytest.fixture
def run(pytester: pytest.Pytester, project: Path) -> pytest.Pytester:
    """A place for tests with the net below them."""
    shutil.copy(project / "tests" / "canaries.py", pytester.path)
    pytester.plugins = ["canaries"]
    return pytester


def _found(result: pytest.RunResult) -> set[str]:
    """The tests in which secrets were seen; what was seen is not told."""
    lines = result.stdout.str()
    return set(re.findall(r"test_\w+\.py::test_(\w+): secrets were seen:$", lines, re.MULTILINE))


def test_every_way_out_is_watched(run: pytest.Pytester) -> None:
    run.makepyfile(_module(LEAKS))
    result = run.runpytest_subprocess()
    assert _found(result) == LEAKS.keys()
    result.assert_outcomes(passed=len(LEAKS) - 1, failed=1, errors=len(LEAKS))
    result.stdout.fnmatch_lines(
        [
            "  Captured stdout call: the API key of alice",
            "  */state/ledger.db: the API key of alice",
        ]
    )
    result.stdout.fnmatch_lines(["  the output of a command: $S3_SECRET"])


def test_everything_else_gets_through(run: pytest.Pytester) -> None:
    run.makepyfile(_module(INNOCENT))
    run.runpytest_subprocess().assert_outcomes(passed=len(INNOCENT))


def test_whoever_has_a_reason_may_show_a_secret(run: pytest.Pytester) -> None:
    run.makepyfile(_module({"it": LEAKS["stdout"]}, '@pytest.mark.shows_secrets("why not")'))
    run.runpytest_subprocess("--strict-markers").assert_outcomes(passed=1)


def test_a_reason_must_be_given(run: pytest.Pytester) -> None:
    run.makepyfile(_module({"it": LEAKS["stdout"]}, "@pytest.mark.shows_secrets"))
    assert _found(run.runpytest_subprocess()) == {"it"}
