"""The three kinds of observer in real runs of the command, and that no secret gets out."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.lab import Done, Lab, environment
from typing_extensions import override

from labferry.testing.rspace import ALICE_KEY, JobTiming, Options, SimulatedRSpace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.plugins.labferry_notify.conftest import Monitor

TOKEN = "c4nary-0123456789-abcdef"
CONFIG = """\
state_dir = "state"

[sources.lab]
type = "rspace"
url = "{server}"
api_key = {{ env = "ALICE_KEY" }}
poll_interval = "20ms"

[destinations.nas]
type = "local"
path = "nas"

[observers.monitor]
type = "heartbeat"
url = {{ env = "MONITOR_URL" }}

[observers.metrics]
type = "prometheus"
path = "labferry.prom"

[observers.people]
type = "apprise"
urls = [{{ env = "PEOPLE_URL" }}]
"""
AWAY = '[destinations.offsite]\ntype = "local"\npath = "no-such-folder"\n'


@dataclass
class NotifyLab(Lab):
    """A machine with a server, and a monitor that is told of its runs."""

    server: SimulatedRSpace = field(kw_only=True)
    monitor: Monitor = field(kw_only=True)

    def configure(self, before: str = "", after: str = "") -> None:
        text = before + CONFIG.format(server=self.server.url) + after
        self.config.write_text(text, encoding="utf-8")

    @override
    def run(self, *arguments: str, **environment: str) -> Done:
        return self._discreet(super().run(*arguments, **environment))

    @override
    def end(self, process: subprocess.Popen[str], *signals: signal.Signals) -> Done:
        return self._discreet(super().end(process, *signals))

    def _discreet(self, done: Done) -> Done:
        """There is no secret in what was printed or sent, or in any file."""
        sent = "".join(told.body + "".join(told.query.values()) for told in self.monitor.told)
        for canary in (TOKEN, ALICE_KEY):
            assert canary not in done.text + sent
            assert self.holds(canary) == []
        return done

    @property
    def metrics(self) -> Mapping[str, float]:
        text = (self.folder / "labferry.prom").read_text(encoding="utf-8")
        families = text_string_to_metric_families(text)
        return {family.name: family.samples[0].value for family in families}


@pytest.fixture
def server() -> Iterator[SimulatedRSpace]:
    with SimulatedRSpace(options=Options(timing=JobTiming(queue=0.02, run=0.02))) as server:
        yield server


@pytest.fixture
def lab(tmp_path: Path, server: SimulatedRSpace, monitor: Monitor, bytecode: Path) -> NotifyLab:
    (tmp_path / "nas").mkdir()
    variables = environment(
        tmp_path,
        bytecode,
        MONITOR_URL=monitor.url,
        PEOPLE_URL=monitor.url.replace("http://", "json://"),
        PYTHONWARNINGS="ignore",
    )
    lab = NotifyLab(tmp_path, variables, server=server, monitor=monitor)
    lab.configure()
    return lab


def test_a_good_run_is_told_to_the_monitor_and_the_metrics_and_nobody_is_bothered(
    lab: NotifyLab,
) -> None:
    done = lab.run("sync")
    assert (done.code, done.text) == (0, "")

    assert lab.monitor.paths == ["/start", ""]
    assert "Exports: 1 stored." in lab.monitor.told[1].body
    assert lab.metrics["labferry_run_complete"] == 1
    assert lab.metrics["labferry_stored_archives"] == 1
    asked = lab.metrics["labferry_last_stored_timestamp_seconds"]
    assert time.time() - asked < 60
    assert lab.metrics["labferry_last_success_timestamp_seconds"] == asked
    exported = lab.metrics["labferry_export_duration_seconds"]
    assert 0 < exported <= lab.metrics["labferry_last_stored_duration_seconds"] < 60


def test_a_run_that_cannot_begin_leaves_what_is_known_of_the_copies(lab: NotifyLab) -> None:
    lab.run("sync")
    before = lab.metrics

    assert lab.run("sync", ALICE_KEY="").code == 2

    copies = {name for name in before if not name.startswith(("labferry_run", "labferry_export"))}
    assert "labferry_last_success_timestamp_seconds" in copies
    assert {name: lab.metrics[name] for name in copies} == {name: before[name] for name in copies}
    assert lab.metrics["labferry_run_exit_code"] == 2


def test_a_failing_destination_is_told_to_everybody(lab: NotifyLab) -> None:
    lab.configure(after=AWAY)

    done = lab.run("sync")

    assert done.code == 3
    assert "observer" not in done.err
    assert {*lab.monitor.paths} == {"/start", "/3", ""}
    (failure,) = [told for told in lab.monitor.told if told.path.endswith("/3")]
    assert "offsite" in failure.body
    assert "info: nas: stored lab/" in failure.body
    (message,) = [told for told in lab.monitor.told if told.body.startswith("{")]
    assert json.loads(message.body)["type"] == "failure"
    assert lab.metrics["labferry_run_complete"] == 0


def test_enough_destinations_are_no_success_while_a_required_one_lacks_its_copy(
    lab: NotifyLab,
) -> None:
    lab.configure(before="require = 1\n", after=AWAY)

    done = lab.run("sync")

    assert "" not in [told.path for told in lab.monitor.told if told.method == "POST"][1:]
    ends = [path for path in lab.monitor.paths if path in {"/fail", f"/{done.code}"}]
    assert len(ends) == 1
    assert lab.metrics["labferry_run_complete"] == 0


def test_a_destination_that_is_not_required_may_fail(lab: NotifyLab) -> None:
    lab.configure(after=AWAY + "required = false\n")

    done = lab.run("sync")

    assert done.code == 0
    assert lab.monitor.paths == ["/start", ""]


def test_observers_that_fail_are_warnings_and_the_backup_is_made(lab: NotifyLab) -> None:
    (lab.folder / "labferry.prom").mkdir()
    (lab.folder / "labferry.prom" / "in-the-way").touch()

    lab.monitor.answers.extend([(404, {}, "")] * 2)

    done = lab.run("sync", "--json")

    assert done.code == 0
    told = "labferry: warning: The observer"
    why = "127.0.0.1 answered 404 Not Found."
    assert f"{told} monitor (heartbeat) failed in labferry_run_started: {why}" in done.err
    assert f"{told} monitor (heartbeat) failed in labferry_run_finished: {why}" in done.err
    assert f"{told} metrics (prometheus) failed in labferry_run_finished: " in done.err
    assert len(done.err.splitlines()) == 3
    assert len([*(lab.folder / "nas").rglob("*.zip")]) == 1


def test_a_stopped_run_is_told_as_unfinished(lab: NotifyLab, server: SimulatedRSpace) -> None:
    server.options = Options(timing=JobTiming(queue=0.02, run=60))
    process = lab.start("sync")
    deadline = time.monotonic() + 20
    while not lab.monitor.told and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)

    done = lab.end(process)

    assert done.code == 143
    assert lab.monitor.paths == ["/start", "/log"]
    assert "not finished yet (exit code 143)" in lab.monitor.told[1].body


def test_check_looks_at_observers(lab: NotifyLab) -> None:
    done = lab.run("check", "-v")

    assert (done.code, done.err) == (0, "")
    lines = [line for line in done.out.splitlines() if " observer " in line]
    assert lines == [
        "ok       observer monitor: 127.0.0.1 answers.",
        f"ok       observer metrics: {lab.folder}/labferry.prom can be written.",
        "ok       observer people: Apprise understands urls[0].",
    ]
    assert lab.monitor.paths == ["/log"]


def test_what_check_finds_wrong_with_an_observer_is_a_warning_as_in_a_sync(lab: NotifyLab) -> None:
    done = lab.run("check", MONITOR_URL="no-address", PEOPLE_URL=f"nosuch://{TOKEN}")

    assert done.code == 0
    assert [line.partition(": ")[0] for line in done.err.splitlines()] == [
        "warning  observer monitor",
        "warning  observer people",
    ]


def test_a_wrong_table_is_a_mistake_of_the_configuration(lab: NotifyLab) -> None:
    lab.configure(after='[observers.other]\ntype = "hearbeat"\nurl = { env = "MONITOR_URL" }\n')

    done = lab.run("sync")

    assert done.code == 2
    assert 'Did you mean "heartbeat"? Known types: apprise, heartbeat, prometheus.' in done.err


def test_a_missing_secret_of_an_observer_is_named_before_anything_begins(lab: NotifyLab) -> None:
    text = (lab.folder / "labferry.toml").read_text(encoding="utf-8")
    (lab.folder / "labferry.toml").write_text(text.replace("MONITOR_URL", "NO_SUCH_URL"))

    done = lab.run("sync")

    assert done.code == 2
    assert "observers.monitor.url: The environment variable NO_SUCH_URL is not set." in done.err
    assert len(done.err.splitlines()) == 1
    assert "/start" not in lab.monitor.paths
