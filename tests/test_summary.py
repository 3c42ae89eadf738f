"""How a test run ends on a machine that lacks something, and where nothing may be missing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .needs import WITHOUT_PROGRAMS
from .summary import summary

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
NONE = {"passed": 3, "failed": 0, "error": 0}
_TESTS = """
import pytest
from tests.needs import require_program

def test_passes(): pass

def test_lacks(): require_program("no-such-program", "the-package")

@pytest.mark.slow
def test_slow(): pass
"""


def test_what_is_missing_is_counted_with_how_to_install_it() -> None:
    reasons = ["needs sshd: apt-get install openssh-server"] * 2
    reasons += ["needs age: apt-get install age", "needs root (a chroot): run the tests as root"]
    assert list(summary(NONE, reasons, slow=1)) == [
        "3 tests passed.",
        "4 tests left out because this machine lacks something:",
        "  sshd             2 tests  apt-get install openssh-server",
        "  age               1 test  apt-get install age",
        "  root (a chroot)   1 test  run the tests as root",
        "  To install all of it: apt-get install age openssh-server",
        "1 test left out to save time. To run everything: tox -e py -- --slow",
    ]


def test_nothing_is_said_of_what_did_not_happen() -> None:
    assert list(summary(NONE, [], slow=0)) == ["3 tests passed."]
    failed = {**NONE, "failed": 1, "error": 2}
    assert list(summary(failed, [], slow=0)) == ["3 tests passed, 3 failed."]


@pytest.fixture
def run(pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run three tests as ours are run: one passes, one lacks a program, one is slow."""
    folder = pytester.mkdir("tests")
    for name in ("canaries", "conftest", "figures", "needs", "summary"):
        shutil.copy(project / "tests" / f"{name}.py", folder)
    (folder / "test_three.py").write_text(_TESTS)
    shutil.copy(project / "pyproject.toml", pytester.path)

    def started(*options: str, ci: str = "") -> pytest.RunResult:
        monkeypatch.setenv("CI", ci)
        monkeypatch.delenv(WITHOUT_PROGRAMS, raising=False)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)

    return started


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_without_ci_tests_are_left_out_and_the_run_succeeds(run: Run, workers: str) -> None:
    result = run(workers)
    assert result.ret == 0
    assert result.outlines[-5:] == [
        "",
        "1 test passed.",
        "1 test left out because this machine lacks something:",
        "  no-such-program  1 test  apt-get install the-package",
        "1 test left out to save time. To run everything: tox -e py -- --slow",
    ]


def test_in_ci_nothing_may_be_missing(run: Run) -> None:
    result = run("-n0", ci="true")
    assert result.ret == 1
    assert result.outlines[-1] == "2 tests passed, 1 failed."
    result.stdout.fnmatch_lines(["*may not be skipped in CI: *needs no-such-program: *"])


@pytest.mark.parametrize("arguments", [("--slow",), ("tests/test_three.py",)])
def test_slow_tests_run_if_they_are_asked_for(run: Run, arguments: tuple[str, ...]) -> None:
    run(*arguments).assert_outcomes(passed=2, skipped=1)


def test_what_takes_long_or_needs_a_program_can_be_left_out_in_ci(run: Run) -> None:
    result = run("--quick", ci="true")
    assert result.ret == 0
    assert result.outlines[-3:] == [
        "1 test passed.",
        "1 test left out: --quick leaves out what needs more than pip installs",
        "1 test left out to save time. To run everything: tox -e py -- --slow",
    ]
