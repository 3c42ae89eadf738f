"""The last lines of a test run: what passed, what was left out, and how to have it run."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

import pytest

from .needs import NEEDS

LEFT_OUT_AS_SLOW = pytest.StashKey[int]()
"""How many tests this process left out because they take long."""

_INSTALL = "apt-get install "
_WORKER_COUNT = "left out as slow"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Print the summary after everything that pytest says itself."""
    config = session.config
    if hasattr(config, "workeroutput"):  # a worker of pytest-xdist, which sends this off
        config.workeroutput[_WORKER_COUNT] = config.stash.get(LEFT_OUT_AS_SLOW, 0)
    yield
    if hasattr(config, "workeroutput"):
        return
    terminal: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or config.option.collectonly:
        return
    reasons = [str(_reason(report)) for report in terminal.stats.get("skipped", ())]
    counts = {what: len(terminal.stats.get(what, ())) for what in ("passed", "failed", "error")}
    lines = list(summary(counts, reasons, slow=config.stash.get(LEFT_OUT_AS_SLOW, 0)))
    terminal.line("")
    for line in lines:
        terminal.line(line)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - pytest-xdist is not typed
    """Every worker collects the same tests, so any worker's count counts."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[LEFT_OUT_AS_SLOW] = output.get(_WORKER_COUNT, 0)


def summary(counts: dict[str, int], reasons: Sequence[str], *, slow: int) -> Iterator[str]:
    """Its lines.

    Args:
        counts: How many tests passed, failed, or had an error.
        reasons: Why each of the other tests was left out.
        slow: How many tests were left out because they take long.
    """
    failed = counts["failed"] + counts["error"]
    yield f"{_tests(counts['passed'])} passed" + (f", {failed:,} failed." if failed else ".")
    missing = Counter(reason for reason in reasons if reason.startswith(NEEDS))
    if missing:
        yield f"{_tests(missing.total())} left out because this machine lacks something:"
        yield from _table(missing)
        packages = _packages(missing)
        if len(missing) > 1 and packages:
            yield f"  To install all of it: {_INSTALL}{' '.join(packages)}"
    others = Counter(reason for reason in reasons if not reason.startswith(NEEDS))
    for reason, number in others.most_common():
        yield f"{_tests(number)} left out: {reason}"
    if slow:
        yield f"{_tests(slow)} left out to save time. To run everything: tox -e py -- --slow"


def _tests(number: int) -> str:
    return f"{number:,} {'test' if number == 1 else 'tests'}"


def _table(missing: Counter[str]) -> Iterator[str]:
    rows = [
        (what, _tests(number), remedy)
        for reason, number in missing.most_common()
        for what, _, remedy in [reason.removeprefix(NEEDS).partition(": ")]
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for what, number, remedy in rows:
        yield f"  {what:<{widths[0]}}  {number:>{widths[1]}}  {remedy}"


def _packages(reasons: Iterable[str]) -> Sequence[str]:
    words = [word for reason in reasons for word in reason.partition(f": {_INSTALL}")[2].split()]
    return sorted(set(words))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")
