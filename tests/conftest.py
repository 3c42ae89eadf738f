"""What holds for all tests."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from labferry.ledger import Ledger
from labferry.testing.source.base import NOT_OFFERED

from .canaries import pytest_configure as hang_up_net
from .figures import pytest_terminal_summary  # noqa: F401 - likewise
from .needs import WITHOUT_PROGRAMS
from .summary import (  # noqa: F401 - likewise
    LEFT_OUT_AS_SLOW,
    pytest_sessionfinish,
    pytest_testnodedown,
)

# How long a test takes says something about the machine only.
settings.register_profile(
    "untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")

_LONGEST_IN_NAMES = 100
_SLOW_IN_CONTRACTS = ("test_killed_while_", "test_big_archive_")
_QUICK_CONTRACT = Path(__file__).parent / "plugins" / "labferry_local"

ReportT = TypeVar("ReportT", pytest.TestReport, pytest.CollectReport)


def pytest_xdist_auto_num_workers() -> int:
    """More than there are cores: the tests mostly wait for the processes that they start."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """What is long or no text says little in a test's name, and may be another in each process."""
    is_long = isinstance(val, str) and len(val) > _LONGEST_IN_NAMES
    return argname if is_long or isinstance(val, bytes) else None


def pytest_addoption(parser: pytest.Parser) -> None:
    speed = parser.getgroup("speed").addoption
    speed("--slow", action="store_true", help="run the tests that are marked as slow, too")
    speed(
        "--quick",
        action="store_true",
        help="leave them out even if CI is set, and the tests that need more than pip installs",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is collected."""
    hang_up_net(config)
    if config.getoption("quick"):
        os.environ[WITHOUT_PROGRAMS] = "1"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A group shares a costly server, so it may not be spread over the workers.

    The plugin that should see to that does so by a suffix, and not with every release of pytest.
    """
    _leave_out_slow(config, items)
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} was not put into its group")


def _leave_out_slow(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked as slow, unless it is asked for, or its file is named."""
    quick, slow = config.getoption("quick"), config.getoption("slow") or os.environ.get("CI")
    if not quick and (slow or all(".py" in argument for argument in config.args)):
        return
    left_out = [item for item in items if _is_slow(item)]
    if left_out:
        config.stash[LEFT_OUT_AS_SLOW] = len(left_out)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not _is_slow(item)]


def _is_slow(item: pytest.Item) -> bool:
    """Whether it is marked, or a slow part of a contract that another sink goes through quickly."""
    return item.get_closest_marker("slow") is not None or (
        item.name.startswith(_SLOW_IN_CONTRACTS) and not item.path.is_relative_to(_QUICK_CONTRACT)
    )


@pytest.fixture(scope="session")
def project() -> Path:
    """The root of the working tree."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of all tests keep compiled modules: they start much faster with them."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "bytecode"


@pytest.fixture(autouse=True)
def _secrets_of_this_test_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test calls a secret is blotted out of no other test's messages."""
    monkeypatch.setattr("labferry.sdk.secrets._seen", set())


@pytest.fixture(autouse=True)
def _ledgers_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From Python 3.13 on, one that is left open fails whatever test it is collected in."""
    opened: list[Ledger] = []
    begin = Ledger.__init__

    def note(ledger: Ledger, path: Path, *, mend: bool = True) -> None:
        begin(ledger, path, mend=mend)
        opened.append(ledger)

    monkeypatch.setattr(Ledger, "__init__", note)
    yield
    for ledger in opened:
        ledger.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _refuse_skip((yield))


def _refuse_skip(report: ReportT) -> ReportT:
    """In CI a skipped test is a failed one: something that it needs is missing there."""
    is_meant = hasattr(report, "wasxfail") or WITHOUT_PROGRAMS in os.environ
    if report.skipped and os.environ.get("CI") and not is_meant:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        if NOT_OFFERED not in str(reason):
            report.outcome = "failed"
            report.longrepr = f"{report.nodeid} may not be skipped in CI: {reason}"
    return report
