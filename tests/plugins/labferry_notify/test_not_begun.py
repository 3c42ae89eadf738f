"""A run that can't begin: who is told of it, and when nobody is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labferry.actions.sync import open_sync, sync
from labferry.ledger import Ledger
from labferry.runtime.lock import run_lock
from labferry.runtime.stop import Stop
from labferry.sdk import ConfigError, FullError, LabferryError, LockHeldError, StateError

if TYPE_CHECKING:
    from tests.plugins.labferry_notify.conftest import Monitor

SOURCE = """\
[sources.lab]
type = "rspace"
url = "https://127.0.0.1:1"
api_key = { env = "ALICE_KEY" }
"""
REST = """\
[destinations.nas]
type = "local"
path = "nas"

[observers.monitor]
type = "heartbeat"
url = { env = "MONITOR_URL" }

[observers.metrics]
type = "prometheus"
path = "labferry.prom"

[observers.people]
type = "apprise"
urls = [{ env = "PEOPLE_URL" }]
"""
SENTENCE = "The backup could not begin (exit code {})."

# Apprise imports a module that later versions of Python don't have.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def config(tmp_path: Path, monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "nas").mkdir()
    monkeypatch.setenv("ALICE_KEY", "aliceAliceAliceAlice01")
    monkeypatch.setenv("MONITOR_URL", monitor.url)
    monkeypatch.setenv("PEOPLE_URL", f"{monitor.url.replace('http://', 'json://')}/people")
    path = tmp_path / "labferry.toml"
    path.write_text(f'state_dir = "state"\n{SOURCE}{REST}', encoding="utf-8")
    return path


def run(config: Path, *names: str) -> LabferryError:
    """Sync as the command does, up to the error that it ends with."""

    def begin() -> None:
        session = open_sync(config)
        sync(session, session.routes(names), Stop())

    with pytest.raises(LabferryError) as caught:
        begin()
    return caught.value


def heartbeats(monitor: Monitor) -> list[tuple[str, str]]:
    """What the monitor was asked for, and the text that came along."""
    told = zip(monitor.paths, monitor.told, strict=True)
    return [(path, each.body) for path, each in told if not path.startswith("/people")]


def expect_failure(monitor: Monitor, config: Path, code: int, problem: str) -> None:
    """All three observers were told of a failure before the beginning."""
    ((path, body),) = heartbeats(monitor)
    assert path == f"/{code}"
    assert body.startswith(SENTENCE.format(code))
    assert problem in body
    (message,) = [json.loads(t.body) for t in monitor.told if t.path.endswith("/people")]
    assert message["type"] == "failure"
    assert problem in message["message"]
    metrics = config.with_name("labferry.prom").read_text(encoding="utf-8")
    assert f"labferry_run_exit_code {code}\n" in metrics
    assert "labferry_run_complete 0\n" in metrics


def test_a_missing_secret_of_a_source_is_told(
    config: Path, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALICE_KEY")

    assert isinstance(run(config), ConfigError)

    problem = "sources.lab.api_key: The environment variable ALICE_KEY is not set."
    expect_failure(monitor, config, 2, problem)


def test_every_mistake_of_the_configuration_is_told(config: Path, monitor: Monitor) -> None:
    wrong = SOURCE.replace("https:", "gopher:") + 'colour = "green"\n'
    config.write_text(wrong + REST, encoding="utf-8")

    assert isinstance(run(config), ConfigError)

    expect_failure(monitor, config, 2, "sources.lab.colour")
    ((_, body),) = heartbeats(monitor)
    assert sum(line.startswith(f"- {config}:") for line in body.splitlines()) == 2


def test_a_state_folder_that_cannot_be_used_is_told(config: Path, monitor: Monitor) -> None:
    config.with_name("state").touch()

    assert isinstance(run(config), StateError)

    expect_failure(monitor, config, 1, "state can't be used")


def test_a_ledger_that_cannot_be_used_is_told_with_the_log(
    config: Path, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object) -> None:
        raise FullError("The ledger can't be written: its disk is full.")

    monkeypatch.setattr(Ledger, "begin_run", deny)
    config.with_name("state").mkdir()
    config.with_name("state").joinpath("ledger.db").write_bytes(b"no ledger" * 1000)

    assert isinstance(run(config), FullError)

    expect_failure(monitor, config, 1, "its disk is full")
    ((_, body),) = heartbeats(monitor)
    assert "warning: The ledger was damaged." in body


def test_a_spool_that_cannot_be_made_is_told_and_leaves_no_run_without_an_end(
    config: Path, monitor: Monitor
) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text(f'spool_dir = "labferry.toml"\n{text}', encoding="utf-8")

    assert isinstance(run(config), StateError)

    expect_failure(monitor, config, 1, "labferry.toml")
    ledger = Ledger(config.with_name("state") / "ledger.db")
    assert ledger.begin_run(datetime.now(UTC)) == 1
    ledger.close()


def test_another_run_at_work_is_no_failure(config: Path, monitor: Monitor) -> None:
    with run_lock(config.with_name("state")):
        assert isinstance(run(config), LockHeldError)

    assert monitor.told == []


def test_a_mistake_on_the_command_line_is_told_to_nobody_else(
    config: Path, monitor: Monitor
) -> None:
    assert isinstance(run(config, "nigthly"), ConfigError)

    assert monitor.told == []


def test_observers_without_mistakes_hear_of_those_that_have_some(
    config: Path, monitor: Monitor
) -> None:
    wrong = '[observers.other]\ntype = "hearbeat"\n'
    config.write_text(f"{SOURCE}{REST}{wrong}", encoding="utf-8")

    assert isinstance(run(config), ConfigError)

    expect_failure(monitor, config, 2, "observers.other.type")


def test_an_observer_whose_own_secret_is_missing_is_left_out(
    config: Path,
    monitor: Monitor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("MONITOR_URL")

    assert "observers.monitor.url" in str(run(config))

    assert [told.path.rpartition("/")[2] for told in monitor.told] == ["people"]
    assert caplog.records == []


def test_a_file_that_cannot_be_read_is_told_to_nobody(config: Path, monitor: Monitor) -> None:
    config.write_text(f"{SOURCE}{REST}[", encoding="utf-8")

    assert isinstance(run(config), ConfigError)

    assert monitor.told == []


def test_a_monitor_that_fails_hides_nothing(
    config: Path, monitor: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    config.with_name("state").touch()
    monitor.answers.extend([(404, {}, "")] * 2)

    assert isinstance(run(config), StateError)

    assert "The observer monitor (heartbeat) failed in labferry_run_finished" in caplog.text
