"""Messages through Apprise, to a server on this machine that takes its json:// addresses."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from labferry.sdk import ConfigError, LabferryError, RunReport, TransientError
from labferry_notify import AppriseMessages, AppriseSettings

if TYPE_CHECKING:
    from tests.plugins.labferry_notify.conftest import Monitor

# Apprise imports a module that later versions of Python don't have.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TOKEN = "c4nary-0123456789-abcdef"
WRONG = f"nosuchscheme://{TOKEN}"


def apprise(*urls: str, **keys: object) -> AppriseMessages:
    table = {
        "type": "apprise",
        "urls": tuple(url.replace("http://", "json://") for url in urls),
        **keys,
    }
    return AppriseMessages("people", AppriseSettings.model_validate(table))


def raised(observer: AppriseMessages, report: RunReport) -> LabferryError:
    with pytest.raises(LabferryError) as caught:
        observer.labferry_run_finished(report)
    assert TOKEN not in str(caught.value)
    return caught.value


def test_a_failure_is_told_with_problems_and_log(monitor: Monitor, bad: RunReport) -> None:
    apprise(monitor.url).labferry_run_finished(bad)

    (told,) = monitor.told
    message = json.loads(told.body)
    assert (told.method, told.path) == ("POST", f"/{TOKEN}")
    assert message["type"] == "failure"
    assert message["title"].startswith("labferry on ")
    assert message["title"].endswith(": backup failed")
    assert "- chem: group 23: offsite: The disk is full." in message["message"]
    assert "warning: offsite: no space left" in message["message"]


def test_the_log_can_be_kept_back(monitor: Monitor, bad: RunReport) -> None:
    apprise(monitor.url, log=False).labferry_run_finished(bad)

    assert "no space left" not in monitor.told[0].body


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("failure", ["bad"]),
        ("always", ["good", "bad", "unfinished"]),
        ("change", ["bad"]),
    ],
)
def test_when_messages_are_sent_after_a_good_run(
    monitor: Monitor, request: pytest.FixtureRequest, when: str, told: list[str]
) -> None:
    sent = []
    for name in ("good", "bad", "unfinished"):
        apprise(monitor.url, when=when).labferry_run_finished(request.getfixturevalue(name))
        sent += [name] * len(monitor.told)
        monitor.told.clear()

    assert sent == told


@pytest.mark.parametrize(
    ("before", "report", "is_told"),
    [
        (None, "good", False),
        (None, "bad", True),
        (0, "good", False),
        (3, "good", True),
        (3, "bad", False),
        (3, "unfinished", False),
        (0, "unfinished", False),
    ],
)
def test_a_change_is_what_differs_from_the_run_before(
    monitor: Monitor,
    request: pytest.FixtureRequest,
    before: int | None,
    report: str,
    *,
    is_told: bool,
) -> None:
    run = replace(request.getfixturevalue(report), previous_exit_code=before)
    apprise(monitor.url, when="change").labferry_run_finished(run)

    assert bool(monitor.told) is is_told


def test_a_success_is_told_as_such(monitor: Monitor, good: RunReport) -> None:
    apprise(monitor.url, when="always").labferry_run_finished(good)

    message = json.loads(monitor.told[0].body)
    assert message["type"] == "success"
    assert message["message"] == (
        "Run 12: backup complete (exit code 0) after 2 min. Exports: 1 stored."
    )


def test_one_address_that_fails_does_not_silence_the_others(
    monitor: Monitor, monitors: Callable[[], Monitor], bad: RunReport
) -> None:
    other = monitors()
    monitor.answers.append((500, {}, ""))

    error = raised(apprise(monitor.url, WRONG, other.url), bad)

    assert isinstance(error, TransientError)
    assert str(error) == "No message could be sent to urls[1], urls[0]."
    assert len(other.told) == 1


def test_redirects_are_not_followed(
    monitor: Monitor, monitors: Callable[[], Monitor], bad: RunReport
) -> None:
    other = monitors()
    monitor.answers.append((307, {"Location": other.url}, ""))

    raised(apprise(monitor.url), bad)

    assert other.told == []


def test_nothing_of_an_address_is_logged(
    monitor: Monitor, bad: RunReport, caplog: pytest.LogCaptureFixture
) -> None:
    monitor.answers.append((500, {}, TOKEN))

    with caplog.at_level(logging.INFO):
        raised(apprise(monitor.url, WRONG), bad)

    assert TOKEN not in caplog.text


def test_no_secret_that_is_known_is_sent(monitor: Monitor, bad: RunReport) -> None:
    url = monitor.url.replace("http://", "json://")
    apprise(monitor.url).labferry_run_finished(replace(bad, log=(f"error: {url}",)))

    assert TOKEN not in monitor.told[0].body


def test_check_sends_nothing(monitor: Monitor) -> None:
    (finding,) = apprise(monitor.url).check()

    assert finding.message == "Apprise understands urls[0]."
    assert monitor.told == []


def test_check_names_what_apprise_does_not_understand(monitor: Monitor) -> None:
    with pytest.raises(ConfigError) as caught:
        list(apprise(monitor.url, WRONG).check())

    assert str(caught.value).startswith(
        "Apprise does not understand urls[1] of the observer people."
    )
    assert TOKEN not in str(caught.value)


def test_without_apprise_the_extra_is_named(
    bad: RunReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)

    error = raised(apprise("http://127.0.0.1:1/"), bad)

    assert isinstance(error, ConfigError)
    assert "labferry[notify]" in error.hint
