"""The three kinds of observer in real runs of the command, and that no secret gets out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

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
class Site:
    """A folder with a configuration, and a command to run in it."""

    folder: Path
    server: SimulatedRSpace
    monitor: Monitor

    def configure(self, before: str = "", after: str = "") -> None:
        text = before + CONFIG.format(server=self.server.url) + after
        (self.folder / "labferry.toml").write_text(text, encoding="utf-8")

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        people = self.monitor.url.replace("http://", "json://")
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "labferry", *arguments],
            cwd=self.folder,
            env={
                **_without_ours(os.environ),
                "HOME": str(self.folder),
                "ALICE_KEY": ALICE_KEY,
                "MONITOR_URL": self.monitor.url,
                "PEOPLE_URL": people,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        return self.end(self.start(*arguments, **environment))

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str, str]:
        """Exit code, output and messages; there is no secret in them, or in any file."""
        out, err = process.communicate(timeout=60)
        files = b"".join(each.read_bytes() for each in self.folder.rglob("*") if each.is_file())
        sent = "".join(told.body + "".join(told.query.values()) for told in self.monitor.told)
        for canary in (TOKEN, ALICE_KEY):
            assert canary not in out + err + sent
            assert canary.encode() not in files
        return process.returncode, out, err

    @property
    def metrics(self) -> Mapping[str, float]:
        text = (self.folder / "labferry.prom").read_text(encoding="utf-8")
        families = text_string_to_metric_families(text)
        return {family.name: family.samples[0].value for family in families}


def _without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if not key.startswith("LABFERRY")}


@pytest.fixture
def server() -> Iterator[SimulatedRSpace]:
    with SimulatedRSpace(options=Options(timing=JobTiming(queue=0.02, run=0.02))) as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, server: SimulatedRSpace, monitor: Monitor) -> Site:
    (tmp_path / "nas").mkdir()
    site = Site(tmp_path, server, monitor)
    site.configure()
    return site


def test_a_good_run_is_told_to_the_monitor_and_the_metrics_and_nobody_is_bothered(
    site: Site,
) -> None:
    assert site.run("sync") == (0, "", "")

    assert site.monitor.paths == ["/start", ""]
    assert "Exports: 1 stored." in site.monitor.told[1].body
    assert site.metrics["labferry_run_complete"] == 1
    assert site.metrics["labferry_stored_archives"] == 1
    asked = site.metrics["labferry_last_stored_timestamp_seconds"]
    assert time.time() - asked < 60
    assert site.metrics["labferry_last_success_timestamp_seconds"] == asked
    exported = site.metrics["labferry_export_duration_seconds"]
    assert 0 < exported <= site.metrics["labferry_last_stored_duration_seconds"] < 60


def test_a_run_that_cannot_begin_leaves_what_is_known_of_the_copies(site: Site) -> None:
    site.run("sync")
    before = site.metrics

    assert site.run("sync", ALICE_KEY="")[0] == 2

    copies = {name for name in before if not name.startswith(("labferry_run", "labferry_export"))}
    assert "labferry_last_success_timestamp_seconds" in copies
    assert {name: site.metrics[name] for name in copies} == {name: before[name] for name in copies}
    assert site.metrics["labferry_run_exit_code"] == 2


def test_a_failing_destination_is_told_to_everybody(site: Site) -> None:
    site.configure(after=AWAY)

    code, _, err = site.run("sync")

    assert code == 3
    assert "observer" not in err
    assert {*site.monitor.paths} == {"/start", "/3", ""}
    (failure,) = [told for told in site.monitor.told if told.path.endswith("/3")]
    assert "offsite" in failure.body
    assert "info: nas: stored lab/" in failure.body
    (message,) = [told for told in site.monitor.told if told.body.startswith("{")]
    assert json.loads(message.body)["type"] == "failure"
    assert site.metrics["labferry_run_complete"] == 0


def test_enough_destinations_are_no_success_while_a_required_one_lacks_its_copy(
    site: Site,
) -> None:
    site.configure(before="require = 1\n", after=AWAY)

    code, _, _ = site.run("sync")

    assert "" not in [told.path for told in site.monitor.told if told.method == "POST"][1:]
    ends = [path for path in site.monitor.paths if path in {"/fail", f"/{code}"}]
    assert len(ends) == 1
    assert site.metrics["labferry_run_complete"] == 0


def test_a_destination_that_is_not_required_may_fail(site: Site) -> None:
    site.configure(after=AWAY + "required = false\n")

    code, _, _ = site.run("sync")

    assert code == 0
    assert site.monitor.paths == ["/start", ""]


def test_observers_that_fail_are_warnings_and_the_backup_is_made(site: Site) -> None:
    (site.folder / "labferry.prom").mkdir()
    (site.folder / "labferry.prom" / "in-the-way").touch()

    site.monitor.answers.extend([(404, {}, "")] * 2)

    code, _, err = site.run("sync", "--json")

    assert code == 0
    told = "labferry: warning: The observer"
    why = "127.0.0.1 answered 404 Not Found."
    assert f"{told} monitor (heartbeat) failed in labferry_run_started: {why}" in err
    assert f"{told} monitor (heartbeat) failed in labferry_run_finished: {why}" in err
    assert f"{told} metrics (prometheus) failed in labferry_run_finished: " in err
    assert len(err.splitlines()) == 3
    assert len([*(site.folder / "nas").rglob("*.zip")]) == 1


def test_a_stopped_run_is_told_as_unfinished(site: Site, server: SimulatedRSpace) -> None:
    server.options = Options(timing=JobTiming(queue=0.02, run=60))
    process = site.start("sync")
    deadline = time.monotonic() + 20
    while not site.monitor.told and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)

    code, _, _ = site.end(process)

    assert code == 143
    assert site.monitor.paths == ["/start", "/log"]
    assert "not finished yet (exit code 143)" in site.monitor.told[1].body


def test_check_looks_at_observers(site: Site) -> None:
    code, out, err = site.run("check", "-v")

    assert (code, err) == (0, "")
    lines = [line for line in out.splitlines() if " observer " in line]
    assert lines == [
        "ok       observer monitor: 127.0.0.1 answers.",
        f"ok       observer metrics: {site.folder}/labferry.prom can be written.",
        "ok       observer people: Apprise understands urls[0].",
    ]
    assert site.monitor.paths == ["/log"]


def test_what_check_finds_wrong_with_an_observer_is_a_warning_as_in_a_sync(site: Site) -> None:
    code, _, err = site.run("check", MONITOR_URL="no-address", PEOPLE_URL=f"nosuch://{TOKEN}")

    assert code == 0
    assert [line.partition(": ")[0] for line in err.splitlines()] == [
        "warning  observer monitor",
        "warning  observer people",
    ]


def test_a_wrong_table_is_a_mistake_of_the_configuration(site: Site) -> None:
    site.configure(after='[observers.other]\ntype = "hearbeat"\nurl = { env = "MONITOR_URL" }\n')

    code, _, err = site.run("sync")

    assert code == 2
    assert 'Did you mean "heartbeat"? Known types: apprise, heartbeat, prometheus.' in err


def test_a_missing_secret_of_an_observer_is_named_before_anything_begins(site: Site) -> None:
    text = (site.folder / "labferry.toml").read_text(encoding="utf-8")
    (site.folder / "labferry.toml").write_text(text.replace("MONITOR_URL", "NO_SUCH_URL"))

    code, _, err = site.run("sync")

    assert code == 2
    assert "observers.monitor.url: The environment variable NO_SUCH_URL is not set." in err
    assert len(err.splitlines()) == 1
    assert "/start" not in site.monitor.paths
