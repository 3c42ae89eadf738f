"""What tests counted, told at the end of a test run: all workers' figures together."""

from collections import Counter

import pytest

FIGURE = "figure: "
"""What the name of a test's property begins with where its value is a figure."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell them. To be imported by the conftest of all tests, which those of folders are not."""
    figures: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, number in getattr(report, "user_properties", ()):
                if getattr(report, "when", "") == "teardown" and name.startswith(FIGURE):
                    figures[name.removeprefix(FIGURE)] += number
    if figures:
        terminalreporter.section("reliability")
        for what, number in sorted(figures.items()):
            terminalreporter.line(f"{what}: {number:,}")
