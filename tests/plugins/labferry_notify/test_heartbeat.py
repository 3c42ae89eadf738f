"""Heartbeat addresses: what a monitor is told, and that nobody else learns its address."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import trustme

from labferry.sdk import (
    ConfigError,
    InvalidAnswerError,
    LabferryError,
    RefusedError,
    RunReport,
    RunStarted,
    Severity,
    TransientError,
    redact,
)
from labferry_notify import Heartbeat, HeartbeatSettings
from labferry_notify.styles import STYLES

if TYPE_CHECKING:
    from tests.plugins.labferry_notify.conftest import Monitor

TOKEN = "c4nary-0123456789-abcdef"
NOBODY = f"http://127.0.0.1:1/{TOKEN}"


def heartbeat(url: str, **keys: object) -> Heartbeat:
    table = {"type": "heartbeat", "url": url, **keys}
    return Heartbeat("monitor", HeartbeatSettings.model_validate(table))


def raised(url: str, report: RunReport, **keys: object) -> LabferryError:
    with pytest.raises(LabferryError) as caught:
        heartbeat(url, **keys).labferry_run_finished(report)
    assert TOKEN not in str(caught.value)
    return caught.value


def tell(observer: Heartbeat, started: RunStarted, report: RunReport) -> None:
    observer.labferry_run_started(started)
    observer.labferry_run_finished(report)


def test_healthchecks_hears_of_beginning_and_success_under_one_run_id(
    monitor: Monitor, started: RunStarted, good: RunReport
) -> None:
    tell(heartbeat(monitor.url), started, good)

    assert monitor.paths == ["/start", ""]
    assert [told.method for told in monitor.told] == ["POST", "POST"]
    (run_id,) = {told.query["rid"] for told in monitor.told}
    assert str(UUID(run_id)) == run_id
    assert monitor.told[1].body == (
        "Run 12: backup complete (exit code 0) after 2 min. Exports: 1 stored."
    )


def test_two_runs_have_two_run_ids(monitor: Monitor, good: RunReport) -> None:
    for _ in range(2):
        heartbeat(monitor.url).labferry_run_finished(good)

    assert len({told.query["rid"] for told in monitor.told}) == 2


def test_healthchecks_hears_of_a_failure_with_exit_code_problems_and_log(
    monitor: Monitor, bad: RunReport
) -> None:
    heartbeat(monitor.url).labferry_run_finished(bad)

    assert monitor.paths == ["/3"]
    assert monitor.told[0].body.splitlines() == [
        "Run 12: backup failed (exit code 3) after 2 min. Exports: 1 failed.",
        "",
        "Problems:",
        "- chem: group 23: offsite: The disk is full.",
        "- offsite lacks the newest of chem (it has 2026-01-02 03:04 UTC): The disk is full.",
        "",
        "Last log lines:",
        "info: nas: stored chem/2026/chem-1.zip (read-back)",
        "warning: offsite: no space left",
    ]


def test_the_log_can_be_kept_back(monitor: Monitor, bad: RunReport) -> None:
    heartbeat(monitor.url, log=False).labferry_run_finished(bad)

    assert "Problems:" in monitor.told[0].body
    assert "log lines" not in monitor.told[0].body


def test_exit_code_0_without_every_required_copy_is_a_failure(
    monitor: Monitor, good: RunReport
) -> None:
    heartbeat(monitor.url).labferry_run_finished(replace(good, complete=False))

    assert monitor.paths == ["/fail"]


def test_an_unfinished_run_is_neither_success_nor_failure(
    monitor: Monitor, unfinished: RunReport
) -> None:
    for style in STYLES:
        heartbeat(monitor.url, style=style).labferry_run_finished(unfinished)

    assert monitor.paths == ["/log"]


def test_the_addresss_own_query_stays(
    monitor: Monitor, started: RunStarted, bad: RunReport
) -> None:
    tell(heartbeat(f"{monitor.url}/slug/?create=1"), started, bad)

    assert monitor.paths == ["/slug/start", "/slug/3"]
    assert [told.query["create"] for told in monitor.told] == ["1", "1"]


def test_a_monitor_is_not_sent_more_than_it_keeps(monitor: Monitor, bad: RunReport) -> None:
    heartbeat(monitor.url).labferry_run_finished(replace(bad, log=("ä" * 2000,) * 100))

    assert len(monitor.told[0].body.encode()) <= 90_000
    assert monitor.told[0].body.endswith("…")


def test_uptime_kuma_hears_up_and_down(
    monitor: Monitor, started: RunStarted, good: RunReport, bad: RunReport
) -> None:
    url = f"{monitor.url}?status=up&msg=OK&ping="
    tell(heartbeat(url, style="uptime-kuma"), started, good)
    tell(heartbeat(url, style="uptime-kuma"), started, bad)

    assert [(told.method, told.query) for told in monitor.told] == [
        (
            "GET",
            {
                "status": "up",
                "msg": "Run 12: backup complete (exit code 0) after 2 min. Exports: 1 stored.",
                "ping": "90500",
            },
        ),
        (
            "GET",
            {
                "status": "down",
                "msg": "Run 12: backup failed (exit code 3) after 2 min. Exports: 1 failed.",
                "ping": "90500",
            },
        ),
    ]


def test_cronitor_hears_of_all_three_states(
    monitor: Monitor, started: RunStarted, good: RunReport, bad: RunReport
) -> None:
    for report in (good, bad):
        tell(heartbeat(monitor.url, style="cronitor"), started, report)

    run, complete, again, fail = (told.query for told in monitor.told)
    assert {told.method for told in monitor.told} == {"GET"}
    assert (run["state"], complete["state"], fail["state"]) == ("run", "complete", "fail")
    assert run["series"] == complete["series"] != again["series"] == fail["series"]
    assert (fail["status_code"], fail["metric"]) == ("3", "duration:90.500")
    assert fail["message"].startswith("Run 12: backup failed (exit code 3)")


def test_a_plain_address_is_asked_for_after_a_success_only(
    monitor: Monitor, started: RunStarted, good: RunReport, bad: RunReport
) -> None:
    for report in (bad, good):
        tell(heartbeat(monitor.url, style="plain"), started, report)

    assert [(told.method, told.path, told.query) for told in monitor.told] == [
        ("GET", f"/{TOKEN}", {})
    ]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_monitor_in_trouble_is_asked_again(
    monitor: Monitor, good: RunReport, status: int
) -> None:
    monitor.answers.extend([(status, {}, "")] * 2)

    heartbeat(monitor.url).labferry_run_finished(good)

    assert len(monitor.told) == 3


def test_after_three_tries_it_is_given_up(monitor: Monitor, good: RunReport) -> None:
    monitor.answers.extend([(503, {}, "")] * 9)

    error = raised(monitor.url, good)

    assert isinstance(error, TransientError)
    assert str(error) == "127.0.0.1 answered 503 Service Unavailable."
    assert len(monitor.told) == 3


def test_a_refusal_is_not_repeated(monitor: Monitor, good: RunReport) -> None:
    monitor.answers.append((404, {}, ""))

    error = raised(monitor.url, good)

    assert isinstance(error, RefusedError)
    assert error.message == "127.0.0.1 answered 404 Not Found."
    assert len(monitor.told) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(
    monitor: Monitor, monitors: Callable[[], Monitor], good: RunReport, status: int
) -> None:
    other = monitors()
    monitor.answers.append((status, {"Location": other.url}, ""))

    error = raised(monitor.url, good)

    assert "Redirects are not followed" in error.hint
    assert (len(monitor.told), other.told) == (1, [])


@pytest.mark.parametrize("why", ["not found", "rate limited"])
def test_a_signal_that_healthchecks_did_not_count_is_noticed(
    monitor: Monitor, good: RunReport, why: str
) -> None:
    monitor.answers.append((200, {}, f"OK ({why})"))

    assert str(raised(monitor.url, good)) == f"127.0.0.1 did not count the signal: {why}."


def test_no_answer_is_not_waited_for_long(
    monitor: Monitor, good: RunReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labferry_notify.sending._TIMEOUT", 0.05)
    monkeypatch.setattr("labferry_notify.sending._LONGEST", 0.01)
    monitor.delay = 0.3

    assert "it was silent for 0.05 s" in str(raised(monitor.url, good))
    assert len(monitor.told) == 1


def test_nobody_there_is_told_without_the_address(good: RunReport) -> None:
    error = raised(NOBODY, good)

    assert isinstance(error, TransientError)
    assert str(error).startswith("http://127.0.0.1:1 can't be reached: ")


@pytest.mark.parametrize("style", ["healthchecks", "uptime-kuma", "cronitor"])
def test_login_page_in_between_is_no_success(monitor: Monitor, good: RunReport, style: str) -> None:
    page = "<!doctype html><title>Please sign in</title>"
    monitor.answers.append((200, {"Content-Type": "text/html; charset=utf-8"}, page))

    error = raised(monitor.url, good, style=style)

    assert isinstance(error, RefusedError)
    assert "answered with a web page" in str(error)


def test_answer_that_would_unpack_into_gigabytes_is_not_unpacked(
    monitor: Monitor, good: RunReport
) -> None:
    monitor.answers.append((200, {"Content-Encoding": "gzip, gzip"}, "OK"))

    assert isinstance(raised(monitor.url, good), InvalidAnswerError)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
def test_proxy_that_makes_no_sense_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, good: RunReport, name: str
) -> None:
    monkeypatch.setenv(name, "http://user:c4naryPass/x@proxy.example.edu:3128")

    error = raised(NOBODY, good)

    assert isinstance(error, ConfigError)
    assert name in error.message
    assert "c4naryPass" not in f"{error!r} {error}"


@pytest.mark.parametrize("url", [TOKEN, f"ftp://host/{TOKEN}", f"https:///{TOKEN}", "http://h:x/"])
def test_what_is_no_address_is_named_without_being_shown(good: RunReport, url: str) -> None:
    error = raised(url, good)

    assert isinstance(error, ConfigError)
    assert error.message == "The url of the observer monitor is not an address."


def test_a_monitor_with_a_certificate_of_ones_own(
    monitors: Callable[..., Monitor], good: RunReport, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monitor = monitors(context)

    heartbeat(monitor.url, ca_file=str(tmp_path / "ca.pem")).labferry_run_finished(good)
    error = raised(monitor.url, good)

    assert len(monitor.told) == 1
    assert "certificate" in str(error).lower()


def test_certificates_that_cannot_be_read_are_named(good: RunReport, tmp_path: Path) -> None:
    error = raised(NOBODY, good, ca_file=str(tmp_path / "missing.pem"))

    assert str(error).startswith(f"ca_file {tmp_path}/missing.pem can't be read")


@pytest.mark.parametrize("style", ["uptime-kuma", "cronitor", "plain"])
def test_check_sends_no_news(monitor: Monitor, style: str) -> None:
    (finding,) = heartbeat(monitor.url, style=style).check()

    assert finding.severity is Severity.OK
    assert monitor.told == []


def test_check_asks_healthchecks_with_a_remark_for_its_log(monitor: Monitor) -> None:
    (finding,) = heartbeat(monitor.url).check()

    assert finding.message == "127.0.0.1 answers."
    assert monitor.paths == ["/log"]


def test_check_finds_a_wrong_address() -> None:
    with pytest.raises(ConfigError):
        list(heartbeat("healthchecks.io/x", style="plain").check())


def test_what_makes_the_address_secret_is_blotted_out_wherever_it_stands(
    monitor: Monitor, good: RunReport, caplog: pytest.LogCaptureFixture
) -> None:
    # A command that ran in this process before has made httpx quiet.
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "httpx"):
        heartbeat(f"{monitor.url}?create=1").labferry_run_finished(good)

    assert caplog.text
    assert TOKEN not in redact(caplog.text)


def test_no_secret_that_is_known_is_sent(monitor: Monitor, bad: RunReport) -> None:
    heartbeat(monitor.url).labferry_run_finished(
        replace(bad, problems=(f"GET {monitor.url} failed",), log=(f"error: {monitor.url}",))
    )

    assert TOKEN not in monitor.told[0].body
    assert "***" in monitor.told[0].body
