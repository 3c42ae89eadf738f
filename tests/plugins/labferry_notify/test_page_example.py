"""The observer that the page about plugins builds, told of real runs."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from labferry.sdk import RunReport, RunStarted, TransientError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.labferry_notify.conftest import Monitor

    from labferry.sdk import Observer, ObserverSettings


@pytest.fixture
def lamp(
    project: Path, tmp_path: Path, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> Observer[ObserverSettings]:
    page = (project / "docs/how-to/write-a-plugin.md").read_text(encoding="utf-8")
    (code,) = re.findall(r":caption: labferry_lamp\.py\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "labferry_lamp.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    kind = import_module("labferry_lamp").Lamp
    table = {"type": "lamp", "url": monitor.url, "token": "l1ght"}
    made: Observer[ObserverSettings] = kind("door", kind.Settings.model_validate(table))
    return made


def test_the_lamp_shows_whether_the_backup_failed(
    lamp: Observer[ObserverSettings],
    monitor: Monitor,
    started: RunStarted,
    good: RunReport,
    bad: RunReport,
) -> None:
    for report in (good, bad):
        lamp.labferry_run_started(started)  # type: ignore[attr-defined]
        lamp.labferry_run_finished(report)  # type: ignore[attr-defined]

    assert monitor.paths == ["/on", "/off", "/on", "/on"]


def test_the_lamp_says_what_went_wrong(
    lamp: Observer[ObserverSettings], monitor: Monitor, started: RunStarted
) -> None:
    monitor.answers.append((500, {}, ""))

    with pytest.raises(TransientError, match="failed at the server: HTTP 500"):
        lamp.labferry_run_started(started)  # type: ignore[attr-defined]


def test_the_lamp_is_checked_without_being_switched(
    lamp: Observer[ObserverSettings], monitor: Monitor
) -> None:
    assert [finding.message for finding in lamp.check()] == ["The lamp answers."]
    assert monitor.paths == [""]
